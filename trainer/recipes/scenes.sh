#!/usr/bin/env bash
# The default bundles and the table of the README: plain and hard-negative, three seeds each, same data and steps.
# Writes runs/scenes/ and assets/. The README says how long one run took.
#   trainer/recipes/scenes.sh [OPTION OF pretrain …]     for instance --device cuda
set -euo pipefail
cd "$(dirname "$0")/../.."

trainer() { cargo run --release --quiet -p trainer -- "$@"; }
out=runs/scenes
mkdir -p "$out"

for seed in 0 1 2; do
  for negatives in none all; do
    run=$out/$negatives-$seed
    if [ -e "$run/run.json" ]; then
      trainer pretrain --resume --out "$run" "$@"
    else
      trainer pretrain --negatives "$negatives" --seed "$seed" --out "$run" "$@"
    fi
    trainer export --run "$run" --out "$run.safetensors"
  done
done

cp "$out/none-0.safetensors" assets/plain.safetensors
cp "$out/all-0.safetensors" assets/hard-negative.safetensors
trainer/recipes/list-bundles.sh plain hard-negative

trainer evaluate --benchmark scenes --seed 1000 --json "$out/table.json" --bundle "$out/none-0.safetensors" \
  --against "$out/all-0.safetensors" --against "$out/none-1.safetensors" --against "$out/all-1.safetensors" \
  --against "$out/none-2.safetensors" --against "$out/all-2.safetensors"
