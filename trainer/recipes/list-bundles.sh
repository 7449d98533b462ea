#!/usr/bin/env bash
# Writes assets/bundles.json, the list of bundles that the page offers: a set of photo-… and a set of scene-…. The bundles of a set
# leave their backbone to a file that they share, if there is one.
set -euo pipefail
cd "$(dirname "$0")/../../assets"

file() { printf '"file": "%s", "bytes": %s, "sha256": "%s"' "$1" "$(stat -c %s "$1")" "$(sha256sum "$1" | cut -d' ' -f1)"; }

entries=()
for set in photographs:photo scenes:scene; do
  backbone=${set#*:}-backbone.safetensors
  for arm in plain hard-negative; do
    name=${set#*:}-$arm
    entry="\"name\": \"$name\", \"set\": \"${set%:*}\", $(file "$name.safetensors")"
    [ -e "$backbone" ] && entry+=", \"backbone\": {$(file "$backbone")}"
    entries+=("  {$entry}")
  done
done
(IFS=$',\n'; printf '[\n%s\n]\n' "$(printf '%s,\n' "${entries[@]}" | sed '$s/,$//')") > bundles.json
