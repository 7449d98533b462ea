// The same towers outside a browser, on a GPU or on Chromium's software adapter: Node with Dawn's bindings (npm's `webgpu`).
//
//     python make_graph.py graphs && ./build.sh && node node.mjs graphs [REPEATS] [BATCH,BATCH]
//
// VK_DRIVER_FILES names the Vulkan driver: /usr/share/vulkan/icd.d/nvidia_icd.json on a machine of NVIDIA's, or
// /usr/lib/chromium/vk_swiftshader_icd.json, which Debian's Chromium brings along. Prints the table of run.mjs; one runtime a
// process, because the device of the first would go on living.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { table } from "./table.mjs";

const [graphs = "graphs", repeats = "3", batches = "1,8", runtime] = process.argv.slice(2);
const sizes = batches.split(",").map(Number);
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

if (runtime) {
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  // What wgpu looks for in a page.
  globalThis.Window = class Window {};
  Object.defineProperty(globalThis, "navigator", { value: { gpu: create([]), userAgent: "Node" }, configurable: true });
  // Dawn's bindings take no memory that threads share, in which onnxruntime-web has all of its numbers.
  const { writeBuffer } = GPUQueue.prototype;
  GPUQueue.prototype.writeBuffer = function (buffer, offset, data, ...rest) {
    return writeBuffer.call(this, buffer, offset, data.buffer instanceof SharedArrayBuffer ? data.slice() : data, ...rest);
  };
  const { bench } = await import("./towers.mjs");
  const host = {
    foil: async () => {
      const foil = await import("./pkg/bench_browser.js");
      await foil.default({ module_or_path: readFileSync(here("pkg/bench_browser_bg.wasm")) });
      return foil;
    },
    graph: (name) => new Uint8Array(readFileSync(resolve(graphs, `${name}.onnx`))),
  };
  const rows = await bench(host, runtime, "webgpu", sizes, Number(repeats));
  process.stdout.write(JSON.stringify(rows), () => process.exit(0));
} else {
  const rows = (name) => JSON.parse(execFileSync(process.execPath, [here("node.mjs"), graphs, repeats, batches, name], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }));
  console.log(`WebGPU in Node, milliseconds, median of ${repeats} warm passes\n`);
  console.log(table(rows("foil"), rows("ort")));
}
