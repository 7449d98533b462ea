"""Writes clip/: small CLIP models with random weights, saved by transformers and by open_clip, and what both compute;
and what transformers computes with a model of ViT-B/32's shape, whose weights any program can make from a formula.

    pip install torch transformers open_clip_torch safetensors tokenizers pillow
    python3 tests/golden/make_clip.py

Every model has a vocabulary of its own, learnt from captions.txt; no published weights or vocabularies are used.
"""
import json
import math
from pathlib import Path

import numpy as np
import open_clip
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers, Regex
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

from formulas import formula, picture, shake

HERE = Path(__file__).parent
OUT = HERE / "clip"
PIECES = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
START, END = "<|startoftext|>", "<|endoftext|>"
CAPTIONS = [
    "a small brown cat on the left",
    "An ORANGE  umbrella, next to two (2) dogs!",
    "it's the woman's car & they're 10 years old",
    "Größe, naïve café 🚗 日本",
    "",
    "a red ball " * 12,
]
CONTEXT = 24


def vocabulary(merges):
    """CLIP's order: bytes, bytes at the end of a word, merges, start and end."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = [chr(byte) for byte in printable] + [chr(256 + nth) for nth in range(len(others))]
    tokens = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in merges]
    return {token: number for number, token in enumerate([*tokens, START, END])}


def learn_merges(count):
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(PIECES), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    trainer = trainers.BpeTrainer(vocab_size=512 + count, end_of_word_suffix="</w>", show_progress=False)
    tokenizer.train_from_iterator((HERE / "captions.txt").read_text().splitlines(), trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return [tuple(pair) if isinstance(pair, list) else tuple(pair.split(" ")) for pair in merges][:count]


PICTURES = [picture(90, 60), picture(40, 120), picture(64, 64)]


def pixels(image, side, mean, std):
    """Pillow's bicubic to the shorter side, the middle, normalised: CLIP's own steps.

    Rows before columns, as all Pillows up to 12 did; 13 sometimes takes columns first, which rounds differently.
    """
    width, height = image.size
    scale = lambda length: side * length // min(width, height)
    image = image.resize((scale(width), height), Image.BICUBIC).resize((scale(width), scale(height)), Image.BICUBIC)
    left, top = (image.size[0] - side) // 2, (image.size[1] - side) // 2
    array = np.asarray(image.crop((left, top, left + side, top + side)), dtype=np.float32) / 255
    return torch.tensor(((array - np.float32(mean)) / np.float32(std)).transpose(2, 0, 1))


def round_all(values):
    return [[float(np.float32(value)) for value in row] for row in values.tolist()]


def expected(images, texts, scale, ids):
    return {
        "captions": CAPTIONS,
        "pictures": [image.size for image in PICTURES],
        "ids": ids,
        "images": round_all(images),
        "texts": round_all(texts),
        "logits": round_all(scale * images @ texts.T),
    }


def save_transformers(merges):
    folder = OUT / "transformers"
    folder.mkdir(parents=True, exist_ok=True)
    vocab = vocabulary(merges)
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(pair) for pair in merges) + "\n")
    config = CLIPConfig(
        projection_dim=16,
        text_config=dict(vocab_size=len(vocab), hidden_size=16, intermediate_size=32, num_hidden_layers=2,
                         num_attention_heads=2, max_position_embeddings=CONTEXT, projection_dim=16,
                         bos_token_id=vocab[START], eos_token_id=vocab[END]),
        vision_config=dict(hidden_size=24, intermediate_size=48, num_hidden_layers=2, num_attention_heads=3,
                           image_size=32, patch_size=8, projection_dim=16),
    )
    torch.manual_seed(1)
    model = CLIPModel(config).eval()
    shake(model)
    model.save_pretrained(folder)
    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor.save_pretrained(folder)
    tokenizer = CLIPTokenizer.from_pretrained(folder, model_max_length=CONTEXT)
    tokens = tokenizer(CAPTIONS, padding=True, truncation=True, max_length=CONTEXT, return_tensors="pt")
    seen = torch.stack([pixels(image, 32, processor.image_mean, processor.image_std) for image in PICTURES])
    output = model(pixel_values=seen, **tokens)
    ids = [row[: int(mask.sum())] for row, mask in zip(tokens["input_ids"].tolist(), tokens["attention_mask"])]
    found = expected(output.image_embeds, output.text_embeds, model.logit_scale.exp(), ids)
    (folder / "expected.json").write_text(json.dumps(found))
    return ids, tokenizer(CAPTIONS)["input_ids"]


def save_pickle():
    """The weights of transformers/ as a training program of PyTorch saves them, at half precision."""
    state = load_file(OUT / "transformers" / "model.safetensors")
    state = {f"module.{name}": tensor.half() for name, tensor in state.items()}
    torch.save({"state_dict": state, "epoch": 3}, OUT / "pytorch_model.bin")


def save_open_clip(vocab_size, ids):
    folder = OUT / "open_clip"
    folder.mkdir(parents=True, exist_ok=True)
    model_cfg = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 24, "head_width": 8, "patch_size": 8},
        "text_cfg": {"context_length": CONTEXT, "vocab_size": vocab_size, "width": 16, "heads": 2, "layers": 2},
    }
    torch.manual_seed(2)
    model = open_clip.CLIP(**{key: dict(value) if isinstance(value, dict) else value for key, value in model_cfg.items()}).eval()
    shake(model)
    mean, std = open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD
    preprocess_cfg = {"mean": list(mean), "std": list(std), "interpolation": "bicubic", "resize_mode": "shortest"}
    config = {"model_cfg": model_cfg, "preprocess_cfg": preprocess_cfg}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=1))
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    # Padded with zeros, as open_clip does; it finds the end token as the greatest id.
    tokens = torch.tensor([row + [0] * (CONTEXT - len(row)) for row in ids])
    seen = torch.stack([pixels(image, 32, mean, std) for image in PICTURES])
    images = model.encode_image(seen, normalize=True)
    texts = model.encode_text(tokens, normalize=True)
    (folder / "expected.json").write_text(json.dumps(expected(images, texts, model.logit_scale.exp(), ids)))


def base(ids):
    """ViT-B/32's shape. Start and end are the last of its tokens, all others those of the small model."""
    model = CLIPModel(CLIPConfig()).eval()
    for name, parameter in model.named_parameters():
        if name != "logit_scale":
            parameter.copy_(formula(name, tuple(parameter.shape)))
    rows = [[49406, *row[1:-1], 49407] for row in ids]
    longest = max(map(len, rows))
    tokens = torch.tensor([row + [49407] * (longest - len(row)) for row in rows])
    processor = CLIPImageProcessor()
    seen = torch.stack([pixels(image, 224, processor.image_mean, processor.image_std) for image in PICTURES])
    output = model(pixel_values=seen, input_ids=tokens)
    found = expected(output.image_embeds, output.text_embeds, model.logit_scale.exp(), rows)
    # The first numbers of each embedding stand for all of it.
    found["images"], found["texts"] = [[row[:8] for row in found[key]] for key in ("images", "texts")]
    (OUT / "vit_b_32.json").write_text(json.dumps(found))


with torch.no_grad():
    learnt = learn_merges(200)
    cut, whole = save_transformers(learnt)
    save_pickle()
    save_open_clip(len(vocabulary(learnt)), cut)
    base(whole)
