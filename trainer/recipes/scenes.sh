#!/usr/bin/env bash
# Makes the bundles of drawn scenes in assets/ and their table in the README. The README says how long it took.
#   trainer/recipes/scenes.sh [--device cuda]     with FEATURES=cuda before it
set -euo pipefail
cd "$(dirname "$0")/../.."

cargo run --release --quiet -p trainer ${FEATURES:+--features "$FEATURES"} -- experiment trainer/recipes/scenes.toml --out runs/scenes "$@"
for arm in plain hard-negative; do
  cp "runs/scenes/$arm-0.safetensors" "assets/scene-$arm.safetensors"
done
trainer/recipes/list-bundles.sh
