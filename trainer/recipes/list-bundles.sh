#!/usr/bin/env bash
# Writes assets/bundles.json, the list of bundles that the page loads by itself: list-bundles.sh NAME …
set -euo pipefail
cd "$(dirname "$0")/../../assets"

entries=()
for name in "$@"; do
  file=$name.safetensors
  sum=$(sha256sum "$file" | cut -d' ' -f1)
  entries+=("  {\"name\": \"$name\", \"file\": \"$file\", \"bytes\": $(stat -c %s "$file"), \"sha256\": \"$sum\"}")
done
(IFS=$',\n'; printf '[\n%s\n]\n' "$(printf '%s,\n' "${entries[@]}" | sed '$s/,$//')") > bundles.json
