#!/usr/bin/env bash
# Makes the default bundles in assets/ and the table of the README. The README says how long it took.
#   trainer/recipes/scenes.sh [--device cuda]
set -euo pipefail
cd "$(dirname "$0")/../.."

cargo run --release --quiet -p trainer -- experiment trainer/recipes/scenes.toml --out runs/scenes "$@"
for arm in plain hard-negative; do
  cp "runs/scenes/$arm-0.safetensors" "assets/$arm.safetensors"
done
trainer/recipes/list-bundles.sh plain hard-negative
