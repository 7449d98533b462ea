#!/usr/bin/env bash
# Pictures a second of a training step of ViT-B/32, the trainer beside open_clip on PyTorch, same batch, same precision,
# one after the other on this machine; prints both and their ratio.
#   pip install torch open_clip_torch, then
#   bench/train/run.sh [BATCH] [STEPS] [NEGATIVES] [cpu|cuda] [f32|tf32|bf16]       with cuda: FEATURES=cuda
# TRAINER names a program that is built already.
set -euo pipefail
cd "$(dirname "$0")/../.."
batch=${1:-16} steps=${2:-4} negatives=${3:-0} device=${4:-cpu} precision=${5:-f32}

run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
if [ -z "${TRAINER:-}" ]; then
  cargo build --release --quiet -p trainer ${FEATURES:+--features "$FEATURES"}
  TRAINER=${CARGO_TARGET_DIR:-target}/release/trainer
fi
which=all
[ "$negatives" = 0 ] && which=none
trainer() { "$TRAINER" pretrain --device "$device" --quiet --out "$run/run" "$@"; }
# The first steps are not counted, on either side: one on a processor, on a GPU the 20 of the first line of metrics, in
# which kernels are compiled and chosen. The last line counts the last 20 steps at most.
warm=1
[ "$device" = cpu ] || warm=20
setup=(--preset base --data "scenes:$((batch * (steps + warm)))" --epochs 1 --batch-size "$batch"
  --per-caption "$negatives" --negatives "$which" --precision "$precision")
if [ "$device" = cpu ]; then
  trainer "${setup[@]}" --stop-after "$warm"
  trainer --resume
else
  trainer "${setup[@]}"
fi
field() { tail -n 1 "$run/run/metrics.jsonl" | python3 -c "import json,sys; print(json.load(sys.stdin)['$1'])"; }
ours=$(field images_per_second)
theirs=$(python3 bench/train/step.py "$batch" "$steps" "$negatives" "$device" "$precision")
python3 - "$ours" "$theirs" "$(field waiting)" <<'END'
import sys
ours, theirs, waiting = map(float, sys.argv[1:])
print(f"Foil {ours:.2f}, open_clip {theirs:.2f} images/s: {ours / theirs:.2f} times its speed; waiting for data {waiting:.1%}")
END
