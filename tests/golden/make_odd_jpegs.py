"""Writes cmyk.jpg and rotated.jpg, two kinds of JPEG that our own encoder cannot make, and two gradients beside the pixels
that Pillow (libjpeg-turbo) reads in them.

Run: pip install pillow && python3 tests/golden/make_odd_jpegs.py
"""

import pathlib

from PIL import Image

here = pathlib.Path(__file__).parent

# No cyan, full magenta and yellow: red.
Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(here / "cmyk.jpg", quality=90)

# 32 wide, 16 high, red on the left; orientation 6 asks viewers to turn it a quarter to the right.
lying = Image.new("RGB", (32, 16), (0, 0, 255))
lying.paste((255, 0, 0), (0, 0, 16, 16))
exif = Image.Exif()
exif[0x0112] = 6
lying.save(here / "rotated.jpg", quality=90, exif=exif)

# Odd sides and chroma at half the resolution, where decoders differ most.
levels = [(x * 9 % 256, y * 11 % 256, (x * y) % 256) for y in range(37) for x in range(51)]
gradient = Image.new("RGB", (51, 37))
gradient.putdata(levels)
for name, image in [("gradient", gradient), ("cmyk-gradient", gradient.convert("CMYK"))]:
    image.save(here / f"{name}.jpg", quality=80)
    Image.open(here / f"{name}.jpg").convert("RGB").save(here / f"{name}.png")
