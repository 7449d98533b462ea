#!/usr/bin/env bash
# Makes the bundles of photographs in assets/ and their tables, from features to bundles. NOTEBOOK.md says how long it took.
#   trainer/recipes/photo.sh DATA [--device cuda]     with FEATURES=cuda before it
# where DATA holds the folders flickr8k, flickr30k_text, imagenet_names and efficientnet_lite (assets/photo-models.md).
# The teacher of the text tower runs in PyTorch, in a virtual environment of its own; TEACHER names another one than
# sentence-transformers/all-MiniLM-L6-v2, or the folder in which that lies.
set -euo pipefail
data=$(realpath "${1:?the folder that holds flickr8k, flickr30k_text, imagenet_names and efficientnet_lite}")
shift
cd "$(dirname "$0")/../.."

echo "265f286fabe2ae074976af9b7eb968c218ec7d5fb186d9051555ec94fd30989f  $data/efficientnet_lite/efficientnet_lite2_imagenet.safetensors" |
  sha256sum --check --quiet || { echo 'these are other weights than the bundles in assets/ have' >&2; exit 1; }

cargo build --release --quiet -p trainer ${FEATURES:+--features "$FEATURES"}
trainer=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/trainer
work=$PWD/runs/photo
mkdir -p "$work"
ln -sfn "$data/flickr8k" "$work/flickr8k"
ln -sfn "$data/efficientnet_lite" "$work/efficientnet_lite"

if [ ! -e "$work/vectors.npy" ]; then
  [ -e "$work/venv" ] || python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet torch transformers
fi
python=$work/venv/bin/python
[ -x "$python" ] || python=python3
"$python" trainer/recipes/photo_data.py "$data" "$work" ${TEACHER:+"$TEACHER"}

# glibc gives the memory of every map of the network back to the system, and asks for it again: a fifth of the time.
export MALLOC_MMAP_THRESHOLD_=4294967295 MALLOC_TRIM_THRESHOLD_=17179869184

# The recipe names files as they lie in the work folder.
recipe=$PWD/trainer/recipes/photo.toml assets=$PWD/assets
cd "$work"
[ -e text.safetensors ] ||
  "$trainer" distill --sentences sentences.txt --vectors vectors.npy --preset photo-lite2 --out text.safetensors "$@"
"$trainer" experiment "$recipe" --out runs "$@"
"$trainer" export --run runs/plain-0 --out "$assets/photo-plain.safetensors" --backbone "$assets/photo-backbone.safetensors" --precision q8
"$trainer" export --run runs/hard-negative-0 --out hard-negative.safetensors --precision q8
# Seven tenths of the way from plain training, most of the retrieval that hard negatives cost is back, and color is as good as at
# the end of the way (NOTEBOOK.md).
"$trainer" average --bundle "$assets/photo-plain.safetensors" hard-negative.safetensors --weights 0.3 0.7 \
  --out "$assets/photo-hard-negative.safetensors" --backbone "$assets/photo-backbone.safetensors" --precision q8
"$assets/../trainer/recipes/list-bundles.sh"
echo 'Now build the page, and let its new models answer its challenges: node tests/browser/challenges.mjs'
