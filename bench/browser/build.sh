#!/usr/bin/env bash
# Builds the towers for run.mjs as the page is built, into pkg/, and fetches the other runtime.
set -euo pipefail
cd "$(dirname "$0")"
cache=${FOIL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/foil}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target} PATH="$cache/tools/bin:$PWD/../../tests/browser/node_modules/.bin:$PATH"

cargo build --quiet --locked --profile wasm-release --target wasm32-unknown-unknown
wasm-bindgen --target web --out-dir pkg "$CARGO_TARGET_DIR/wasm32-unknown-unknown/wasm-release/bench_browser.wasm"
wasm-opt -Os --enable-bulk-memory --enable-nontrapping-float-to-int --enable-sign-ext --enable-mutable-globals \
  --enable-reference-types --enable-multivalue --enable-simd pkg/bench_browser_bg.wasm -o pkg/bench_browser_bg.wasm
npm ci --no-audit --no-fund --silent
