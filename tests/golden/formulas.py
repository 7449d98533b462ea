"""Pictures and weights that any program can make from a formula, so that no golden file has to hold them; and random ones."""
import math

import numpy as np
import torch
from PIL import Image


def picture(width, height):
    """Colours from a formula, so that no file has to be decoded: both sides compute the same bytes."""
    y, x = np.mgrid[0:height, 0:width]
    channels = [(x * 7 + y * 3) % 256, (x * x // 16 + y * 5) % 256, (x * 2 + y * y // 8) % 256]
    return Image.fromarray(np.stack(channels, axis=2).astype(np.uint8))


def formula(name, shape):
    """SplitMix64 over the FNV-1a hash of the name: 24 random bits a weight, the spread of a fresh layer."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    count = math.prod(shape)
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    uniform = (z >> np.uint64(40)).astype(np.float64) / 2**23 - 1
    if len(shape) < 2:
        values = uniform * 0.1 + (1.0 if name.endswith("weight") else 0.0)
    else:
        values = uniform * math.sqrt(3 / math.prod(shape[1:]))
    return torch.tensor(values.astype(np.float32)).reshape(shape)


def shake(model):
    """Norms and biases are ones and zeros in a fresh model, which would hide one taken for another."""
    for name, parameter in model.named_parameters():
        if parameter.ndim < 2 and "logit" not in name:
            parameter.add_(torch.randn_like(parameter) * 0.1)
