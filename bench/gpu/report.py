"""Checks what bench/gpu/run.sh wrote, and says it in a line: python report.py embeddings|losses|steps FILE …"""

import json
import statistics
import struct
import sys


def array(path):
    """The numbers of an .npy file of float32."""
    with open(path, "rb") as file:
        content = file.read()
    (header,) = struct.unpack("<H", content[8:10])
    numbers = content[10 + header :]
    return struct.unpack(f"<{len(numbers) // 4}f", numbers)


def metrics(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def farthest(one, other):
    assert one and len(one) == len(other), f"{len(one)} and {len(other)} numbers"
    return max(abs(a - b) for a, b in zip(one, other))


def embeddings(cpu, gpu):
    """Embeddings of both devices, whose rows are unit vectors."""
    far = farthest(array(cpu), array(gpu))
    print(f"embeddings differ by {far:.1e} at most (allowed: 1e-3)")
    return far < 1e-3


def losses(cpu, gpu):
    """Losses of the first steps on both devices."""
    far = farthest(*([line["loss"] for line in metrics(path)] for path in (cpu, gpu)))
    print(f"losses of ten steps differ by {far:.1e} at most (allowed: 1e-3)")
    return far < 1e-3


def steps(path, batch):
    """Speed of every step, and whether anything is compiled after the second one.

    Not of the last step: its learning rate is 0, and Burn fuses products with 0 into other kernels.
    """
    lines = [line for line in metrics(path) if line["learning_rate"] > 0]
    seconds = [int(batch) / line["images_per_second"] for line in lines]
    later = seconds[2:]
    median = statistics.median(later)
    compiled = [line.get("kernels_compiled", 0) for line in lines]
    print(
        f"steps: first {seconds[0]:.2f} s, median {median:.3f} s, slowest later one {max(later):.3f} s, "
        f"{int(batch) / median:.1f} images/s; kernels compiled: {compiled[0]}, {compiled[1]}, then {compiled[-1] - compiled[1]} more"
    )
    return compiled[-1] == compiled[1]


if __name__ == "__main__":
    sys.exit(not {"embeddings": embeddings, "losses": losses, "steps": steps}[sys.argv[1]](*sys.argv[2:]))
