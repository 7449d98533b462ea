// The wasm heap after the built page has loaded a bundle and replayed its self-test, beside the size of its file:
//
//     node memory.mjs BUNDLE [cpu|webgpu]
//
// A heap of wasm never shrinks, so what is there at the end is the peak. The default bundles are in it as well.
import { basename, dirname, resolve } from "node:path";
import { statSync } from "node:fs";

import { launch, open, site } from "../../tests/browser/browser.mjs";

const [bundle, backend = "webgpu"] = process.argv.slice(2);
const path = resolve(bundle);
const server = await site([dirname(path)]);
const browser = await launch({ webgpu: backend === "webgpu" });
const { page } = await open(browser, `${server.url}?backend=${backend}&bundle=${basename(path)}`, { timeout: 560_000 });
const heaps = await page.$$eval("[data-heap]", (items) => items.map((item) => Number(item.dataset.heap)));
const heap = Math.max(...heaps);
const bytes = statSync(path).size;
const used = await page.getAttribute("body", "data-backend");
console.log(`${used}: heap ${heap} bytes, file ${bytes} bytes, ${(heap / bytes).toFixed(2)} times`);
await browser.close();
server.close();
