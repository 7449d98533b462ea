#!/usr/bin/env bash
# Writes assets/bundles.json, the list of bundles that the page offers: a set of photo-… and a set of scene-….
set -euo pipefail
cd "$(dirname "$0")/../../assets"

entries=()
for set in photographs:photo scenes:scene; do
  for arm in plain hard-negative; do
    name=${set#*:}-$arm
    file=$name.safetensors
    sum=$(sha256sum "$file" | cut -d' ' -f1)
    entries+=("  {\"name\": \"$name\", \"set\": \"${set%:*}\", \"file\": \"$file\", \"bytes\": $(stat -c %s "$file"), \"sha256\": \"$sum\"}")
  done
done
(IFS=$',\n'; printf '[\n%s\n]\n' "$(printf '%s,\n' "${entries[@]}" | sed '$s/,$//')") > bundles.json
