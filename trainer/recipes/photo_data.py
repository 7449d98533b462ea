"""Prepares what `photo.sh` trains on: a table of names with their pictures, sentences, and a teacher's vectors for them.

    python3 trainer/recipes/photo_data.py DATA WORK [MODEL]

DATA holds the folders flickr8k, flickr30k_text and imagenet_names (assets/photo-models.md). MODEL is a sentence encoder in the
layout of sentence-transformers, a folder or a name on the hub; needs torch and transformers. Files that are there already stay.
"""
import csv
import gzip
import sys
from pathlib import Path

TEMPLATES = ["a photo of {}", "a picture of {}", "there is {}", "{} in the picture"]


def with_article(name):
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def captions_of_names(data):
    """Every name of every picture, bare and in each template."""
    with open(data / "imagenet_names" / "names.csv", newline="") as file:
        for row in csv.DictReader(file):
            for name in row["names"].split(", "):
                yield row["image"], name
                for template in TEMPLATES:
                    yield row["image"], template.format(with_article(name))


def sentences(data):
    with gzip.open(data / "flickr30k_text" / "captions.txt.gz", "rt") as file:
        yield from (line.strip() for line in file)
    with open(data / "flickr8k" / "captions.csv", newline="") as file:
        yield from (row["caption"].strip() for row in csv.DictReader(file) if row["split"] == "train")
    yield from (caption for _, caption in captions_of_names(data))


def vectors(texts, model):
    """The mean over tokens of the last layer, scaled to length 1, as sentence-transformers reads all-MiniLM-L6-v2."""
    import numpy
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, encoder = AutoTokenizer.from_pretrained(model), AutoModel.from_pretrained(model).eval()
    order = sorted(range(len(texts)), key=lambda nth: len(texts[nth]))
    found = numpy.zeros((len(texts), encoder.config.hidden_size), numpy.float16)
    with torch.inference_mode():
        for first in range(0, len(order), 256):
            batch = order[first : first + 256]
            inputs = tokenizer([texts[nth] for nth in batch], padding=True, truncation=True, max_length=128, return_tensors="pt")
            hidden = encoder(**inputs).last_hidden_state
            counts = inputs["attention_mask"][..., None]
            means = (hidden * counts).sum(1) / counts.sum(1)
            found[batch] = torch.nn.functional.normalize(means, dim=1).half().numpy()
            print(f"\r{first + len(batch)} of {len(texts)} sentences", end="", file=sys.stderr)
    print(file=sys.stderr)
    return found


def main():
    data, work = Path(sys.argv[1]), Path(sys.argv[2])
    model = sys.argv[3] if len(sys.argv) > 3 else "sentence-transformers/all-MiniLM-L6-v2"
    names = work / "names"
    names.mkdir(parents=True, exist_ok=True)
    if not (names / "images").exists():
        (names / "images").symlink_to((data / "imagenet_names" / "images").resolve())
    with open(names / "captions.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", "caption"])
        table.writerows(captions_of_names(data))
    if not (work / "vectors.npy").exists():
        import numpy

        texts = sorted(set(filter(None, sentences(data))))
        (work / "sentences.txt").write_text("\n".join(texts) + "\n")
        numpy.save(work / "vectors.npy", vectors(texts, model))


main()
