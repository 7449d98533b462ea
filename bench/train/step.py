"""Pictures a second of open_clip's ViT-B/32 in training: python step.py BATCH STEPS NEGATIVES [DEVICE] [PRECISION]

Towers, loss, AdamW and clipping as in the trainer; random pixels and tokens, so that nobody waits for data. NEGATIVES is
the number of hard negatives a caption: further rows of the text tower, further columns of the loss. open_clip computes
all 77 positions of a caption; the trainer computes as many as the longest of the batch has. PRECISION is f32, tf32 (32-bit
products on tensor cores) or bf16 (autocast).
"""

import sys
import time

import open_clip
import torch
import torch.nn.functional as F

batch, steps, negatives = (int(text) for text in sys.argv[1:4])
device = sys.argv[4] if len(sys.argv) > 4 else "cpu"
precision = sys.argv[5] if len(sys.argv) > 5 else "f32"
torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
torch.manual_seed(0)
model = open_clip.create_model("ViT-B-32-quickgelu").to(device).train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.1)
pixels = torch.randn(batch, 3, 224, 224, device=device)
tokens = torch.randint(1, 49_000, (batch * (1 + negatives), 77), device=device)
tokens[:, -1] = 49_407


def step():
    with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
        images = model.encode_image(pixels, normalize=True).float()
        texts = model.encode_text(tokens, normalize=True).float()
    logits = model.logit_scale.exp() * images @ texts.T
    matching = torch.arange(batch, device=device)
    loss = (F.cross_entropy(logits, matching) + F.cross_entropy(logits[:, :batch].T, matching)) / 2
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss


for _ in range(1 if device == "cpu" else 20):
    step().item()
begun = time.perf_counter()
for _ in range(steps):
    loss = step()
loss.item()
print(f"{batch * steps / (time.perf_counter() - begun):.2f}")
