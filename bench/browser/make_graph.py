"""Writes the towers of ViT-B/32's shape, with random weights, as ONNX graphs for onnxruntime-web.

    pip install torch transformers onnx && python make_graph.py FOLDER

Large weights repeat a few thousand random numbers, so that the 600 MB can be packed into a few to be brought along.
"""

import sys
from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPTextModelWithProjection, CLIPVisionModelWithProjection

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
config = CLIPConfig()
torch.manual_seed(0)
PATTERN = 0.02 * torch.randn(4096)


def repeat(module):
    """Fills the large weights of a module with the pattern, each from another place on: equal ones would be stored once."""
    for nth, weight in enumerate(module.parameters()):
        if weight.numel() > len(PATTERN):
            times = -(-weight.numel() // len(PATTERN))
            weight.data = PATTERN.roll(nth).repeat(times)[: weight.numel()].reshape(weight.shape)
    return module


class Vision(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.tower = CLIPVisionModelWithProjection(config.vision_config)

    def forward(self, pixels):
        embeds = self.tower(pixel_values=pixels).image_embeds
        return embeds / embeds.norm(dim=1, keepdim=True)


class Text(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.tower = CLIPTextModelWithProjection(config.text_config)

    def forward(self, ids):
        embeds = self.tower(input_ids=ids).text_embeds
        return embeds / embeds.norm(dim=1, keepdim=True)


for name, tower, example in [
    ("images", Vision(), torch.zeros(2, 3, 224, 224)),
    ("texts", Text(), torch.full((2, 77), 49407, dtype=torch.int64)),
]:
    # One file each: the browser fetches no second one with the weights. The older exporter, because its graphs are what
    # onnxruntime's fusions were written for.
    torch.onnx.export(
        repeat(tower).eval(),
        (example,),
        str(folder / f"{name}.onnx"),
        input_names=["input"],
        output_names=["output"],
        dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    print(folder / f"{name}.onnx")
