"""Writes mobilenet.json: what timm's MobileNetV2 sees in a picture, with weights that any program can make from a formula.

    pip install torch timm pillow
    python3 tests/golden/make_mobilenet.py
"""
import json
from pathlib import Path

import timm
import torch
from PIL import Image

from formulas import formula, picture

SIDE = 256
# Under every root, as `shared/src/model/mobilenet.rs` has it.
LEAST = 1e-6

# Padded as TensorFlow does, which the published weights were trained with.
model = timm.create_model("mobilenetv2_100", pad_type="same").eval()
with torch.no_grad():
    for name, tensor in model.state_dict().items():
        if not name.startswith("classifier") and tensor.is_floating_point():
            values = formula(name, tuple(tensor.shape))
            tensor.copy_(values + 1 if name.endswith("running_var") else values)
    pixels = torch.tensor(list(picture(SIDE, SIDE).tobytes())).reshape(1, SIDE, SIDE, 3).permute(0, 3, 1, 2)
    maps = model.bn1(model.conv_stem(pixels / 127.5 - 1))
    read = {}
    for nth, stage in enumerate(model.blocks):
        maps = stage(maps)
        read[nth] = maps[0]
    read["head"] = model.bn2(model.conv_head(maps))[0]
    # Every twelfth channel stands for all.
    found = {
        name: {
            "means": maps[::12].mean((1, 2)).tolist(),
            "deviations": (maps[::12].var((1, 2), correction=0) + LEAST).sqrt().tolist(),
        }
        for name, maps in [("middle", read[4]), ("last", read[6]), ("head", read["head"])]
    }
Path(__file__).with_name("mobilenet.json").write_text(json.dumps(found))
