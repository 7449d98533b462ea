// The towers of ViT-B/32's shape by Foil's engine or by onnxruntime-web, timed: in a page (bench.html) or in Node (node.mjs), which
// say as `host` how Foil's module is loaded and where graphs are.
const SIDE = 224, CONTEXT = 77, END = 49407;

/** Numbers that look like pixels, the same for both runtimes. */
const pixels = (batch) => Float32Array.from({ length: batch * 3 * SIDE * SIDE }, (_, idx) => Math.sin(idx * 0.01));
const ids = (batch) => Array.from({ length: batch * CONTEXT }, (_, idx) => (idx % CONTEXT === CONTEXT - 1 ? END : 1 + ((idx * 31) % 49000)));

async function foil(backend, host) {
  const { Towers } = await host.foil();
  const towers = await Towers.create(backend);
  return { images: (batch) => towers.images(pixels(batch)), texts: (batch) => towers.texts(Int32Array.from(ids(batch))) };
}

async function ort(backend, host) {
  const ort = await import(`./node_modules/onnxruntime-web/dist/ort.${backend === "webgpu" ? "webgpu" : "wasm"}.min.mjs`);
  ort.env.wasm.numThreads = 1;
  const options = { executionProviders: [backend === "webgpu" ? "webgpu" : "wasm"], graphOptimizationLevel: "all" };
  const session = async (name) => ort.InferenceSession.create(await host.graph(name), options);
  const [image, text] = [await session("images"), await session("texts")];
  const run = async (session, input) => (await session.run({ input })).output.getData();
  return {
    images: (batch) => run(image, new ort.Tensor("float32", pixels(batch), [batch, 3, SIDE, SIDE])),
    texts: (batch) => run(text, new ort.Tensor("int64", BigInt64Array.from(ids(batch), BigInt), [batch, CONTEXT])),
  };
}

/** Milliseconds of each part of a layer of the image tower, medians. */
export async function parts(host, backend, batch, repeats) {
  const { Parts } = await host.foil();
  const parts = await Parts.create(backend, batch);
  const rows = ["qkv", "attention of heads", "output", "mlp in", "quick gelu", "mlp out", "two norms", "two sums", "nothing"].map((part) => ({ part, all: [] }));
  // Round after round, so that no part has to pay for the compiler's warming up.
  for (let round = -repeats; round < repeats; round++) {
    for (const { part, all } of rows) {
      const begun = performance.now();
      await parts.run(part);
      if (round >= 0) all.push(performance.now() - begun);
    }
  }
  return rows.map(({ part, all }) => ({ part, millis: all.sort((a, b) => a - b)[Math.floor(repeats / 2)] }));
}

export async function bench(host, runtime, backend, batches, repeats) {
  const towers = await { foil, ort }[runtime](backend, host);
  const rows = [];
  for (const tower of ["images", "texts"]) {
    for (const batch of batches) {
      const pass = async () => {
        const begun = performance.now();
        const found = await towers[tower](batch);
        if (found.length !== batch * 512 || !Number.isFinite(found[0])) throw new Error(`${runtime}: ${found.length} numbers, ${found[0]}`);
        return performance.now() - begun;
      };
      const cold = await pass();
      const warm = [];
      for (let repeat = 0; repeat < repeats; repeat++) warm.push(await pass());
      rows.push({ tower, batch, cold, warm: warm.sort((a, b) => a - b)[Math.floor(repeats / 2)] });
    }
  }
  return rows;
}
