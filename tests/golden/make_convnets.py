"""Writes NETWORK.json for each convolutional network that an image tower can stand on: what timm's sees in a picture, with weights
that any program can make from a formula.

    pip install torch timm pillow
    python3 tests/golden/make_convnets.py
"""
import json
from pathlib import Path

import timm
import torch

from formulas import formula, picture

# Under every root, as `shared/src/model/convnet.rs` has it.
LEAST = 1e-6

# Side of the picture, what channels are on, stages that are read, and whether the first convolution is.
NETWORKS = {
    "mobilenetv2_100": (256, lambda levels: levels / 127.5 - 1, [4, 6], False),
    "tf_efficientnet_lite0": (224, lambda levels: (levels - 127) / 128, [0, 1, 2, 4, 5], True),
    "tf_efficientnet_lite2": (260, lambda levels: (levels - 127) / 128, [0, 1, 2, 4, 5], True),
}

for name, (side, scaled, stages, reads_stem) in NETWORKS.items():
    # Padded as TensorFlow does, which the published weights were trained with.
    model = timm.create_model(name, pad_type="same").eval()
    with torch.no_grad():
        for tensor_name, tensor in model.state_dict().items():
            if not tensor_name.startswith("classifier") and tensor.is_floating_point():
                values = formula(tensor_name, tuple(tensor.shape))
                tensor.copy_(values + 1 if tensor_name.endswith("running_var") else values)
        levels = torch.tensor(list(picture(side, side).tobytes())).reshape(1, side, side, 3).permute(0, 3, 1, 2)
        maps = model.bn1(model.conv_stem(scaled(levels.float())))
        read = [maps[0]] if reads_stem else []
        for nth, stage in enumerate(model.blocks):
            maps = stage(maps)
            read += [maps[0]] * (nth in stages)
        read.append(model.bn2(model.conv_head(maps))[0])
    # Every twelfth channel stands for all.
    found = [
        {
            "channels": len(maps),
            "means": maps[::12].mean((1, 2)).tolist(),
            "deviations": (maps[::12].var((1, 2), correction=0) + LEAST).sqrt().tolist(),
        }
        for maps in read
    ]
    Path(__file__).with_name(f"{name}.json").write_text(json.dumps(found))
