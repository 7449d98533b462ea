// ViT-B/32's towers in headless Chromium, Foil's engine beside onnxruntime-web, on one machine in one run:
//
//     python make_graph.py graphs && ./build.sh && node run.mjs graphs [cpu|webgpu] [REPEATS] [BATCH,BATCH]
//
// Prints a Markdown table of milliseconds and ratios, and one of what a layer of Foil's image tower is made of. Both runtimes get the same arrays, upload them and read the
// embeddings back; both have 128-bit vectors and one thread. `cold` is the first pass of its shape, kernels and all.
import { fileURLToPath } from "node:url";
import { resolve } from "node:path";

import { launch } from "../../tests/browser/browser.mjs";
import { serve } from "../../tests/browser/serve.mjs";
import { table } from "./table.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const [graphs = "graphs", backend = "cpu", repeats = "5", batches = "1,8"] = process.argv.slice(2);

const server = await serve([HERE, resolve(graphs)]);
const address = `http://127.0.0.1:${server.address().port}/bench.html`;

/** Calls a function of the page in a browser of its own. */
async function call(name, ...args) {
  const browser = await launch({ webgpu: backend === "webgpu" });
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  page.on("pageerror", (error) => console.error(name, args, String(error)));
  await page.goto(address);
  const rows = await page.evaluate(([name, args]) => globalThis[name](...args), [name, args]);
  await browser.close();
  return rows;
}

const sizes = batches.split(",").map(Number);
const ours = await call("bench", "foil", backend, sizes, Number(repeats));
const theirs = await call("bench", "ort", backend, sizes, Number(repeats));
const parts = await call("parts", backend, sizes[0], Number(repeats));
server.close();

console.log(`backend: ${backend}, milliseconds, median of ${repeats} warm passes\n`);
console.log(table(ours, theirs));

console.log(`\na layer of the image tower at batch ${sizes[0]}; Foil\n`);
console.log("| part | ms |\n|---|---|");
for (const { part, millis } of parts) console.log(`| ${part} | ${millis.toFixed(2)} |`);
