#!/usr/bin/env bash
# A quarter of an hour on a GPU, spent by itself: what is right, what is fast, how it compares with open_clip on PyTorch.
#   bench/gpu/run.sh OUT [cuda|wgpu|cpu] [full|tiny]
# Each part has its own time limit, ends alone if it fails, and writes into OUT as it goes; the most valuable come first.
#   TRAINER, PROBE   programs that are built already; otherwise they are built here
#   KERNELS          a folder with kernels of an earlier run, which part `warm` then begins with
#   RECIPE           what part `train` trains (trainer/recipes/scenes.toml)
#   GRAPHS           a folder of bench/browser/make_graph.py's; part `webgpu` then compares the page's engine with onnxruntime-web.
#                    bench/browser/build.sh must have run, and VK_DRIVER_FILES name a Vulkan driver
# `tiny` rehearses all of it in a few minutes, on a processor too. Exit status: 0 if no part failed.
set -uo pipefail
cd "$(dirname "$0")/../.."
out=$(mkdir -p "${1:?where to write}" && cd "$1" && pwd)
device=${2:-cuda} size=${3:-full}
case $device in
  cuda) features=(--features cuda) ;;
  # Those of the tests, if they run this.
  cpu) read -ra features <<<"${FOIL_TRAINER_FEATURES:---no-default-features}" ;;
  *) features=() ;;
esac
target=${CARGO_TARGET_DIR:-target}/release
if [ -z "${TRAINER:-}" ] || [ -z "${PROBE:-}" ]; then
  cargo build --release --quiet -p trainer "${features[@]}" --bin trainer --example probe || exit 1
fi
TRAINER=$(realpath "${TRAINER:-$target/trainer}") PROBE=$(realpath "${PROBE:-$target/examples/probe}")

# The model, the batch, the hard negatives a caption, timed steps; of the probe's matrices one row in so many.
if [ "$size" = full ]; then
  preset=base batch=256 negatives=4 steps=20 part=1 recipe=${RECIPE:-trainer/recipes/scenes.toml}
else
  preset=tiny batch=8 negatives=2 steps=5 part=256 recipe=bench/gpu/tiny.toml
fi
failed=()
export CUDA_CACHE_PATH=$out/driver-cache CUDA_CACHE_MAXSIZE=1073741824
export FOIL_CACHE=$out/cache

# part NAME SECONDS COMMAND …: at most so many seconds; what it prints is in OUT/NAME.log.
part() {
  local name=$1 limit=$2 begun=$SECONDS status=0; shift 2
  timeout --kill-after=10 "$limit" "$@" >"$out/$name.log" 2>&1 || status=$?
  printf '%-22s status %3s, %4s s (at most %s)\n' "$name" "$status" "$((SECONDS - begun))" "$limit" | tee -a "$out/summary.txt"
  [ "$status" = 0 ] || failed+=("$name")
}
report() { python3 bench/gpu/report.py "$@" 2>&1 | tee -a "$out/summary.txt"; return "${PIPESTATUS[0]}"; }
check() { report "$@" || failed+=("$1"); }
pretrain() { local name=$1; shift; "$TRAINER" pretrain --quiet --out "$out/runs/$name" "$@"; }
export -f pretrain
export TRAINER out

{ date -u; git rev-parse HEAD 2>/dev/null; nvidia-smi 2>/dev/null || true; } >"$out/summary.txt"

# (a) Does it compute what the processor computes? Embeddings, and losses of ten steps, in which gradients are.
for where in "reference cpu" "device $device"; do
  set -- $where
  part "embed-$1" 120 "$TRAINER" embed --bundle assets/scene-hard-negative.safetensors --images assets/samples \
    --device "$2" --out "$out/embeddings-$1.npy"
  part "losses-$1" 150 bash -c "pretrain losses-$1 --device $2 --init assets/scene-plain.safetensors \
    --data scenes:1280 --batch-size 64 --epochs 1 --per-caption 4 --log-every 1 --stop-after 10"
done
check embeddings "$out/embeddings-reference.npy" "$out/embeddings-device.npy"
check losses "$out/runs/losses-reference/metrics.jsonl" "$out/runs/losses-device/metrics.jsonl"

# (c) How long is the first step, with nothing in the cache and with everything?
run=(--preset "$preset" --data "scenes:$((batch * (steps + 5)))" --epochs 1 --batch-size "$batch" --per-caption "$negatives"
  --device "$device")
[ -n "${KERNELS:-}" ] && cp -a "$KERNELS/." "$out/cache/"
for precision in bf16 default; do
  options=()
  [ "$precision" = default ] || options=(--precision "$precision")
  part "cold-$precision" 240 "$TRAINER" pretrain --warm-up --out "$out/runs/none" "${run[@]}" "${options[@]}"
  part "warm-$precision" 120 "$TRAINER" pretrain --warm-up --out "$out/runs/none" "${run[@]}" "${options[@]}"
  # (d) The whole model, each step timed, beside open_clip where it is installed.
  part "steps-$precision" 150 bash -c "pretrain steps-$precision ${run[*]} ${options[*]} --log-every 1"
  check steps "$out/runs/steps-$precision/metrics.jsonl" "$batch"
  if python3 -c 'import open_clip' 2>/dev/null; then
    theirs=$precision
    [ "$precision" = default ] && { [ "$device" = cuda ] && theirs=tf32 || theirs=f32; }
    part "open_clip-$theirs" 90 python3 bench/train/step.py "$batch" "$steps" "$negatives" "$device" "$theirs"
    tail -n 1 "$out/open_clip-$theirs.log" | sed 's|$| images/s: open_clip|' | tee -a "$out/summary.txt"
  fi
done

# (b) What do the parts of a step cost? If a number above is too small, this says which.
part probe 150 "$PROBE" "$device" "$part"

# (e) The same card by another way, WebGPU's.
[ "$device" = cuda ] &&
  part steps-wgpu 90 bash -c "pretrain steps-wgpu ${run[*]} --device wgpu --log-every 1 --stop-after 5"

# The page's engine on it, without a browser, beside onnxruntime-web.
if [ -n "${GRAPHS:-}" ]; then
  part webgpu 200 node bench/browser/node.mjs "$GRAPHS" 3
  cat "$out/webgpu.log" >>"$out/summary.txt"
fi

# (f) A training that teaches something.
part train 240 "$TRAINER" experiment "$recipe" --device "$device" --out "$out/runs/train"

# (g) What the next run need not compile.
[ ! -d "$out/cache" ] || tar -C "$out/cache" -cf - . | xz -T0 | split -b 15M - "$out/cache.tar.xz."
[ "${#failed[@]}" = 0 ] || { echo "failed: ${failed[*]}" | tee -a "$out/summary.txt"; exit 1; }
