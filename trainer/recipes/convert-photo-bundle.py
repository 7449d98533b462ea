#!/usr/bin/env python3
"""Converts a bundle of `--preset photo` from before the image tower was a choice of towers (bundles made up to commit 99715c0).
Not a number changes: what is left out, a class token and its position, took no part in any answer.
    trainer/recipes/convert-photo-bundle.py OLD.safetensors NEW.safetensors
"""
import json
import struct
import sys

SIZES = {"F32": 4, "F16": 2, "I8": 1}


def convert(old: bytes) -> bytes:
    (length,) = struct.unpack("<Q", old[:8])
    header = json.loads(old[8 : 8 + length])
    metadata, data = header.pop("__metadata__"), old[8 + length :]
    config = json.loads(metadata["foil.config"])
    vision = config["vision"]
    if vision.get("stem") != "mobilenet_v2_pooled" or vision["layers"] != 0:
        sys.exit("this is no bundle of the old photo preset")
    width = vision["width"]
    config["vision"] = {"backbone": "mobilenet_v2_pooled", "width": width}
    metadata["foil.config"] = json.dumps(config, separators=(",", ":"))
    tensors = []
    for name, tensor in header.items():
        begin, end = tensor["data_offsets"]
        values, shape = data[begin:end], tensor["shape"]
        if name == "image.class_embedding":
            continue
        if name == "image.position_embedding":
            # The position of the only patch is a bias; that of the class token goes with it.
            name, shape, values = "image.hidden.bias", [width], position(tensor, values, data, header)
            tensor = {"dtype": "F32"}
        elif name == "image.position_embedding.scale":
            continue
        name = name.replace("image.standard.", "image.feature_norm.").replace("image.patch_embedding", "image.hidden")
        tensors.append((name, tensor["dtype"], shape, values))
    # As the safetensors library orders them: the widest numbers first, then by name.
    tensors.sort(key=lambda tensor: (-SIZES[tensor[1]], tensor[0]))
    new, offset = {"__metadata__": metadata}, 0
    for name, dtype, shape, values in tensors:
        new[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(values)]}
        offset += len(values)
    text = json.dumps(new, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(values for *_, values in tensors)


def position(tensor: dict, values: bytes, data: bytes, header: dict) -> bytes:
    """The second row of the position embedding as 32-bit floats."""
    width = tensor["shape"][1]
    if tensor["dtype"] == "I8":
        begin, end = header["image.position_embedding.scale"]["data_offsets"]
        factor = struct.unpack("<2f", data[begin:end])[1]
        return b"".join(rounded(float(value) * factor) for value in struct.unpack(f"{width}b", values[width:]))
    letter = {"F32": "f", "F16": "e"}[tensor["dtype"]]
    row = struct.unpack(f"<{2 * width}{letter}", values)[width:]
    return struct.pack(f"<{width}f", *row)


def rounded(value: float) -> bytes:
    return struct.pack("<f", value)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as file:
        converted = convert(file.read())
    with open(sys.argv[2], "wb") as file:
        file.write(converted)
