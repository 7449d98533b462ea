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

SIDE = 224

# Padded as TensorFlow does, which the published weights were trained with.
model = timm.create_model("mobilenetv2_100", pad_type="same").eval()
with torch.no_grad():
    for name, tensor in model.state_dict().items():
        if name.startswith(("conv_stem", "bn1", "blocks")) and tensor.is_floating_point():
            values = formula(name, tuple(tensor.shape))
            tensor.copy_(values + 1 if name.endswith("running_var") else values)
    pixels = torch.tensor(list(picture(SIDE, SIDE).tobytes())).reshape(1, SIDE, SIDE, 3).permute(0, 3, 1, 2)
    maps = model.bn1(model.conv_stem(pixels / 127.5 - 1))
    seen = {}
    for nth, stage in enumerate(model.blocks):
        maps = stage(maps)
        seen[nth] = maps[0]
    found = {
        # Corners, edges and the middle, where padding shows and where it does not; some channels stand for all.
        "middle": [[y, x, seen[4][::12, y, x].tolist()] for y, x in [(0, 0), (0, 13), (13, 0), (13, 13), (6, 7)]],
        "last": [[y, x, seen[6][::40, y, x].tolist()] for y, x in [(0, 0), (0, 6), (6, 0), (6, 6), (3, 3)]],
    }
Path(__file__).with_name("mobilenet.json").write_text(json.dumps(found))
