"""Pictures a second of open_clip's ViT-B/32 in training: python step.py BATCH STEPS NEGATIVES [DEVICE]

Towers, loss, AdamW and clipping as in the trainer; random pixels and tokens, so that nobody waits for data. NEGATIVES is
the number of hard negatives a caption: further rows of the text tower, further columns of the loss. open_clip computes
all 77 positions of a caption; the trainer computes as many as the longest of the batch has.
"""

import sys
import time

import open_clip
import torch
import torch.nn.functional as F

batch, steps, negatives = (int(text) for text in sys.argv[1:4])
device = sys.argv[4] if len(sys.argv) > 4 else "cpu"
torch.manual_seed(0)
model = open_clip.create_model("ViT-B-32-quickgelu").to(device).train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.1)
pixels = torch.randn(batch, 3, 224, 224, device=device)
tokens = torch.randint(1, 49_000, (batch * (1 + negatives), 77), device=device)
tokens[:, -1] = 49_407


def step():
    images = model.encode_image(pixels, normalize=True)
    texts = model.encode_text(tokens, normalize=True)
    logits = model.logit_scale.exp() * images @ texts.T
    matching = torch.arange(batch, device=device)
    loss = (F.cross_entropy(logits, matching) + F.cross_entropy(logits[:, :batch].T, matching)) / 2
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss


step().item()
begun = time.perf_counter()
for _ in range(steps):
    loss = step()
loss.item()
print(f"{batch * steps / (time.perf_counter() - begun):.2f}")
