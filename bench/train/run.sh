#!/usr/bin/env bash
# Pictures a second of a training step of ViT-B/32, the trainer beside open_clip on PyTorch, same batch, 32-bit floats,
# one after the other on this machine; prints both and their ratio.
#   pip install torch open_clip_torch, then
#   bench/train/run.sh [BATCH] [STEPS] [NEGATIVES] [cpu|cuda]       with cuda: FEATURES=cuda
set -euo pipefail
cd "$(dirname "$0")/../.."
batch=${1:-16} steps=${2:-4} negatives=${3:-0} device=${4:-cpu}

run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
cargo build --release --quiet -p trainer ${FEATURES:+--features "$FEATURES"}
which=all
[ "$negatives" = 0 ] && which=none
# The first step is not counted, on either side. Its metrics are a line of their own.
trainer() { "${CARGO_TARGET_DIR:-target}/release/trainer" pretrain --device "$device" --quiet --out "$run/run" "$@"; }
trainer --preset base --data "scenes:$((batch * (steps + 1)))" --epochs 1 --batch "$batch" --per-caption "$negatives" \
  --negatives "$which" --stop-after 1 2>/dev/null
trainer --resume 2>/dev/null
field() { tail -n 1 "$run/run/metrics.jsonl" | python3 -c "import json,sys; print(json.load(sys.stdin)['$1'])"; }
ours=$(field pictures_per_second)
theirs=$(python3 bench/train/step.py "$batch" "$steps" "$negatives" "$device")
python3 - "$ours" "$theirs" "$(field waiting)" <<'END'
import sys
ours, theirs, waiting = map(float, sys.argv[1:])
print(f"Foil {ours:.2f}, open_clip {theirs:.2f} pictures/s: {ours / theirs:.2f} times its speed; waiting for data {waiting:.1%}")
END
