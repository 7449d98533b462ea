"""Writes resize.json: what Pillow makes of a small picture that the test makes by the same formula.

Run: pip install pillow numpy && python3 tests/golden/make_resize.py
"""

import json
import pathlib

import numpy as np
import PIL
from PIL import Image

WIDTH, HEIGHT, SIDE = 53, 37, 16

y, x, c = np.meshgrid(np.arange(HEIGHT), np.arange(WIDTH), np.arange(3), indexing="ij")
pixels = ((x * x * 7 + y * 13 * (c + 1) + x * y * 5 + c * 91) % 256).astype(np.uint8)
picture = Image.fromarray(pixels)

squashed = picture.resize((SIDE, SIDE), Image.BICUBIC)
bilinear = picture.resize((SIDE, SIDE), Image.BILINEAR)

shorter = min(WIDTH, HEIGHT)
size = (WIDTH * SIDE // shorter, HEIGHT * SIDE // shorter)
left, top = (size[0] - SIDE) // 2, (size[1] - SIDE) // 2
cropped = picture.resize(size, Image.BICUBIC).crop((left, top, left + SIDE, top + SIDE))

golden = {
    "pillow": PIL.__version__,
    "squash": np.asarray(squashed).ravel().tolist(),
    "bilinear": np.asarray(bilinear).ravel().tolist(),
    "center-crop": np.asarray(cropped).ravel().tolist(),
}
pathlib.Path(__file__).with_name("resize.json").write_text(json.dumps(golden) + "\n")
