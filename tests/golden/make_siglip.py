"""Writes siglip/: small SigLIP and SigLIP 2 models with random weights, saved by transformers, and what it computes with them; and
what open_clip computes with image towers that it has in full size only, whose weights any program can make from a formula.

    pip install torch transformers open_clip_torch timm safetensors tokenizers sentencepiece protobuf pillow
    python3 tests/golden/make_siglip.py

Every model has a vocabulary of its own, learnt from captions.txt; no published weights or vocabularies are used.
"""
import json
import tempfile
from pathlib import Path

import numpy as np
import open_clip
import sentencepiece
import torch
from open_clip.tokenizer import canonicalize_text, basic_clean
from PIL import Image
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel, SiglipTokenizer, T5TokenizerFast

from formulas import formula, picture, shake

HERE = Path(__file__).parent
OUT = HERE / "siglip"
CAPTIONS = [
    "a small brown cat on the left",
    "An ORANGE  umbrella, next to two (2) dogs!",
    "it's the woman's car & they're 10 years_old",
    "Größe, naïve ﬁre café 🚗 日本",
    "a red ball " * 12,
]
CONTEXT = 24
PICTURES = [picture(90, 60), picture(40, 120), picture(64, 64)]
LINES = [line.lower() for line in (HERE / "captions.txt").read_text().splitlines()]


def pixels(image, side, filter, mean, std):
    """Pillow's, rows before columns, as all Pillows up to 12 did; 13 sometimes takes columns first."""
    image = image.resize((side, image.size[1]), filter).resize((side, side), filter)
    array = np.asarray(image, dtype=np.float32) / 255
    return torch.tensor(((array - np.float32(mean)) / np.float32(std)).transpose(2, 0, 1))


def round_all(values):
    return [[float(np.float32(value)) for value in row] for row in values.tolist()]


def expected(images, texts, scale, bias, ids):
    logits = scale * images @ texts.T + (0 if bias is None else bias)
    return {
        "captions": CAPTIONS,
        "pictures": [image.size for image in PICTURES],
        "ids": ids,
        "images": round_all(images),
        "texts": round_all(texts),
        "logits": round_all(logits),
        **({} if bias is None else {"probabilities": round_all(torch.sigmoid(logits))}),
    }


def learn_pieces(folder):
    """A SentencePiece model as SigLIP's: pieces with probabilities, the end token of number 1, which is also the padding."""
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        (work / "captions.txt").write_text("\n".join(LINES))
        (work / "rules.tsv").write_text("FB01\t66 69\n2019\t27\n")
        sentencepiece.SentencePieceTrainer.train(
            input=str(work / "captions.txt"), model_prefix=str(work / "spiece"), vocab_size=200, model_type="unigram",
            normalization_rule_tsv=str(work / "rules.tsv"), pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
            character_coverage=1.0, minloglevel=2)
        (folder / "spiece.model").write_bytes((work / "spiece.model").read_bytes())
    (folder / "tokenizer_config.json").write_text(json.dumps({"pad_token": "</s>", "eos_token": "</s>", "unk_token": "<unk>"}))


def learn_merges():
    """A tokenizer as Gemma's: merges of characters, spaces written as ▁, bytes for what is unknown, one end token."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    special = ["<pad>", "<eos>", "<bos>", "<unk>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(LINES, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    # Bytes are tokens of the model, and nothing that a caption could name.
    saved = json.loads(tokenizer.to_str())
    saved["added_tokens"] = saved["added_tokens"][:4]
    return Tokenizer.from_str(json.dumps(saved))


def fit(ids, padding):
    """As the models were trained: cut before the end token, and padded behind it."""
    if len(ids) > CONTEXT:
        ids = [*ids[: CONTEXT - 1], ids[-1]]
    return ids + [padding] * (CONTEXT - len(ids))


def save_siglip(folder, vocabulary, rows, resample, seed):
    config = SiglipConfig(
        text_config=dict(vocab_size=vocabulary, hidden_size=16, intermediate_size=40, num_hidden_layers=2,
                         num_attention_heads=2, max_position_embeddings=CONTEXT, projection_size=24),
        vision_config=dict(hidden_size=24, intermediate_size=52, num_hidden_layers=2, num_attention_heads=3,
                           image_size=30, patch_size=10),
    )
    torch.manual_seed(seed)
    model = SiglipModel(config).eval()
    shake(model)
    model.logit_scale.fill_(4.7)
    model.logit_bias.fill_(-16.5)
    model.save_pretrained(folder)
    processor = SiglipImageProcessor(size={"height": 30, "width": 30}, resample=resample)
    processor.save_pretrained(folder)
    filter = {2: Image.BILINEAR, 3: Image.BICUBIC}[resample]
    seen = torch.stack([pixels(image, 30, filter, processor.image_mean, processor.image_std) for image in PICTURES])
    output = model(pixel_values=seen, input_ids=torch.tensor(rows))
    found = expected(output.image_embeds, output.text_embeds, model.logit_scale.exp(), model.logit_bias, rows)
    difference = torch.tensor(found["logits"]) - output.logits_per_image
    assert difference.abs().max() < 1e-4
    (folder / "expected.json").write_text(json.dumps(found))


def transformers_1():
    folder = OUT / "transformers"
    folder.mkdir(parents=True, exist_ok=True)
    learn_pieces(folder)
    tokenizer = SiglipTokenizer(str(folder / "spiece.model"), model_max_length=CONTEXT)
    rows = tokenizer(CAPTIONS, padding="max_length", truncation=True)["input_ids"]
    save_siglip(folder, 200, rows, 3, 3)


def transformers_2():
    folder = OUT / "transformers_2"
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = learn_merges()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"pad_token": "<pad>", "tokenizer_class": "GemmaTokenizer"}))
    rows = [fit(tokenizer.encode(caption.lower()).ids, 0) for caption in CAPTIONS]
    save_siglip(folder, tokenizer.get_vocab_size(), rows, 2, 4)


def weights(key, shape):
    """The formula, with variances above zero, and the factors of residual branches as small as training leaves them."""
    values = formula(key, shape)
    if key.endswith("running_var"):
        return values.abs() + 0.5
    return values * 0.1 if key.endswith("gamma") else values


def of_open_clip(name, model_cfg, filter, mean, std, rows, documents, pool=None):
    """The model of a config with weights from the formula, its shapes, and the first numbers of what it computes."""
    model = open_clip.CustomTextCLIP(**{
        key: dict(value) if isinstance(value, dict) else value for key, value in model_cfg.items() if key != "custom_text"
    }).eval()
    state = model.state_dict()
    for key, value in state.items():
        if key == "logit_scale":
            value.fill_(4.7 if "init_logit_bias" in model_cfg else 2.6592)
        elif key == "logit_bias":
            value.fill_(-16.5)
        elif value.dtype.is_floating_point:
            value.copy_(weights(key, tuple(value.shape)))
    side = model_cfg["vision_cfg"]["image_size"]
    interpolation = {Image.BICUBIC: "bicubic", Image.BILINEAR: "bilinear"}[filter]
    seen = torch.stack([pixels(image, side, filter, mean, std) for image in PICTURES])
    images = model.encode_image(seen, normalize=True)
    texts = model.encode_text(torch.tensor(rows), normalize=True)
    bias = state.get("logit_bias")
    found = expected(images, texts, state["logit_scale"].exp(), bias, rows)
    found["images"], found["texts"] = [[row[:8] for row in found[key]] for key in ("images", "texts")]
    config = {
        "model_cfg": model_cfg,
        "preprocess_cfg": {"mean": list(mean), "std": list(std), "interpolation": interpolation, "resize_mode": "squash"},
    }
    shapes = {key: list(value.shape) for key, value in state.items() if value.dtype.is_floating_point}
    scalars = {key: float(value) for key, value in state.items() if key.startswith("logit")}
    golden = {"config": config, "shapes": shapes, "scalars": scalars, "expected": found, **documents}
    (OUT / f"{name}.json").write_text(json.dumps(golden) + "\n")


def open_clip_siglip():
    folder = OUT / "transformers"
    tokenizer = T5TokenizerFast.from_pretrained(folder, extra_ids=0)
    with tempfile.TemporaryDirectory() as work:
        tokenizer.save_pretrained(work)
        saved = (Path(work) / "tokenizer.json").read_text()
    cleaned = [canonicalize_text(basic_clean(caption)) for caption in CAPTIONS]
    rows = [fit(tokenizer(caption)["input_ids"], 1) for caption in cleaned]
    model_cfg = {
        "embed_dim": 768,
        "init_logit_bias": -10,
        "custom_text": True,
        "vision_cfg": {"image_size": 224, "timm_model_name": "vit_base_patch16_siglip_224", "timm_model_pretrained": False,
                       "timm_pool": "map", "timm_proj": "none"},
        "text_cfg": {"context_length": CONTEXT, "vocab_size": 200, "hf_tokenizer_name": "timm/ViT-B-16-SigLIP",
                     "tokenizer_kwargs": {"clean": "canonicalize"}, "width": 64, "heads": 4, "layers": 2,
                     "no_causal_mask": True, "proj_bias": True, "pool_type": "last", "norm_kwargs": {"eps": 1e-6},
                     "act_kwargs": {"approximate": "tanh"}},
    }
    documents = {"tokenizer": json.loads(saved), "tokenizer_config": {"pad_token": "</s>"}}
    half = [0.5, 0.5, 0.5]
    of_open_clip("vit_b_16_siglip", model_cfg, Image.BICUBIC, half, half, rows, documents)


def mobile_clip():
    """MobileCLIP's smallest image tower beside a small text tower, with CLIP's kind of tokenizer."""
    folder = HERE / "clip" / "transformers"
    vocabulary = json.loads((folder / "vocab.json").read_text())
    rows = json.loads((HERE / "clip" / "open_clip" / "expected.json").read_text())["ids"]
    rows = [row + [0] * (CONTEXT - len(row)) for row in rows]
    captions = json.loads((HERE / "clip" / "open_clip" / "expected.json").read_text())["captions"]
    model_cfg = {
        "embed_dim": 64,
        "custom_text": True,
        "vision_cfg": {"image_size": 256, "timm_model_name": "fastvit_mci0", "timm_model_pretrained": False,
                       "timm_pool": "avg", "timm_proj": None, "timm_drop": 0.0, "timm_drop_path": 0.0},
        "text_cfg": {"context_length": CONTEXT, "vocab_size": len(vocabulary), "width": 64, "heads": 4, "layers": 2,
                     "no_causal_mask": True},
    }
    CAPTIONS[:] = captions
    of_open_clip("mobileclip2_s0", model_cfg, Image.BILINEAR, [0.0] * 3, [1.0] * 3, rows, {})


if __name__ == "__main__":
    with torch.no_grad():
        transformers_1()
        transformers_2()
        open_clip_siglip()
        mobile_clip()
