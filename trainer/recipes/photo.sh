#!/usr/bin/env bash
# Makes the bundles of photographs in assets/ and their table in the README. The README says how long it took.
#   trainer/recipes/photo.sh DATA [--device cuda]
# where DATA holds the folders flickr8k (captions.csv and the photographs) and mobilenet (weights as timm saves them).
set -euo pipefail
data=$(realpath "${1:?the folder that holds flickr8k and mobilenet}")
shift
cd "$(dirname "$0")/../.."

cargo build --release --quiet -p trainer
trainer=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/trainer
recipe=$PWD/trainer/recipes/photo.toml runs=$PWD/runs/photo
# The recipe names files as they lie in DATA.
(cd "$data" && "$trainer" experiment "$recipe" --out "$runs" "$@")
# Of three seeds the third finds the most photographs and captions of dev, in either arm.
for arm in plain hard-negative; do
  "$trainer" export --run "$runs/$arm-2" --out "assets/photo-$arm.safetensors" --precision q8
done
trainer/recipes/list-bundles.sh
echo 'Now build the page, and let its new models answer its challenges: node tests/browser/challenges.mjs'
