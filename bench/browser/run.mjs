// ViT-B/32's towers in headless Chromium, Foil's engine beside onnxruntime-web, on one machine in one run:
//
//     python make_graph.py graphs && ./build.sh && node run.mjs graphs [cpu|webgpu] [REPEATS] [BATCH,BATCH]
//
// Prints a Markdown table of milliseconds and ratios. Both runtimes get the same arrays, upload them and read the
// embeddings back; both have 128-bit vectors and one thread. `cold` is the first pass of its shape, kernels and all.
import { fileURLToPath } from "node:url";
import { resolve } from "node:path";

import { launch } from "../../tests/browser/browser.mjs";
import { serve } from "../../tests/browser/serve.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const [graphs = "graphs", backend = "cpu", repeats = "5", batches = "1,8"] = process.argv.slice(2);

const server = await serve([HERE, resolve(graphs)]);
const address = `http://127.0.0.1:${server.address().port}/bench.html`;

/** One runtime in a browser of its own; returns `{tower, batch, cold, warm}` rows. */
async function time(runtime) {
  const browser = await launch({ webgpu: backend === "webgpu" });
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  page.on("pageerror", (error) => console.error(runtime, String(error)));
  await page.goto(address);
  const rows = await page.evaluate(
    ([runtime, backend, batches, repeats]) => globalThis.bench(runtime, backend, batches, repeats),
    [runtime, backend, batches.split(",").map(Number), Number(repeats)],
  );
  await browser.close();
  return rows;
}

const ours = await time("foil");
const theirs = await time("ort");
server.close();

console.log(`backend: ${backend}, milliseconds, median of ${repeats} warm passes\n`);
console.log("| tower | batch | Foil cold | ORT cold | ratio | Foil warm | ORT warm | ratio |\n|---|---|---|---|---|---|---|---|");
for (const [nth, { tower, batch, cold, warm }] of ours.entries()) {
  const other = theirs[nth];
  const cells = [cold, other.cold, warm, other.warm].map((value) => value.toFixed(0));
  const [coldRatio, warmRatio] = [cold / other.cold, warm / other.warm].map((value) => value.toFixed(2));
  console.log(`| ${tower} | ${batch} | ${cells[0]} | ${cells[1]} | ${coldRatio} | ${cells[2]} | ${cells[3]} | ${warmRatio} |`);
}
