// Bundles of one's own in the page: from an address, from a file, by drop; over bad connections; kept and thrown away.
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { ROOT, SAMPLES, compare, folder, largestDifference, launch, nativeScores, open, site, trainer } from "./browser.mjs";

const CAPTION = "a small brown cat on the left";
const IMAGE = join(SAMPLES, "cat.jpg");
// Both sides compute the same sums in another order.
const TOLERANCE = 1e-5;

const temporary = folder();
const at = (name) => join(temporary.path, name);
/** What is wrong with the connection, by the path that is asked for. */
const faults = new Map();
/** How often each path was asked for. */
const asked = new Map();
let server;
let browser;

/** CLIP as transformers saves it, small and random, at each precision. */
before(async () => {
  for (const precision of ["f32", "f16", "q8"]) {
    const from = join(ROOT, "tests/golden/clip/transformers");
    trainer("import", "--from", from, "--precision", precision, "--out", at(`clip-${precision}.safetensors`));
  }
  writeFileSync(at("huge.safetensors"), tooLarge(readFileSync(at("clip-f32.safetensors"))));
  server = await site([temporary.path], (path) => {
    asked.set(path, (asked.get(path) ?? 0) + 1);
    return faults.get(path) ?? null;
  });
  browser = await launch({ webgpu: false });
});

after(async () => {
  await browser?.close();
  server?.close();
  temporary.remove();
});

/** The bundle's header with one more tensor, which would take 2.08 GB as floats and whose bytes do not follow. */
function tooLarge(bundle) {
  const length = Number(bundle.readBigUInt64LE(0));
  const header = JSON.parse(bundle.subarray(8, 8 + length).toString());
  const end = Math.max(...Object.values(header).map((tensor) => tensor.data_offsets?.[1] ?? 0));
  header.huge = { dtype: "I8", shape: [20000, 26000], data_offsets: [end, end + 20000 * 26000] };
  const json = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([prefix, json, bundle.subarray(8 + length)]);
}

/** The page must give the trainer's numbers for a bundle. */
async function checkParity(page, model, file) {
  await page.setInputFiles("#image-input", IMAGE);
  const difference = largestDifference(await compare(page, CAPTION), model, nativeScores(file, IMAGE, CAPTION));
  assert.ok(difference <= TOLERANCE, `${model} differs by ${difference}`);
  console.log(`# ${model}: largest difference from the trainer ${difference.toExponential(1)}`);
}

const facts = (page, model) => page.textContent(`#models li:has-text("${model}")`);

describe("an imported CLIP", () => {
  for (const backend of ["cpu", "webgpu"]) {
    test(`gives the trainer's numbers with ${backend} at every precision`, async (t) => {
      const browser = await launch({ webgpu: backend === "webgpu" }, t);
      const { page, problems } = await open(browser, `${server.url}?backend=${backend}&bundle=clip-f16.safetensors`);
      assert.equal(await page.getAttribute("body", "data-backend"), backend);
      await checkParity(page, "clip-f16", at("clip-f16.safetensors"));
      for (const precision of ["f32", "q8"]) {
        const file = at(`clip-${precision}.safetensors`);
        await page.setInputFiles("#bundle-input", file);
        await page.locator("#models li", { hasText: `clip-${precision}` }).waitFor();
        await checkParity(page, `clip-${precision}`, file);
      }
      assert.deepEqual(problems, []);
    });
  }

  test("can be dropped on the page", async () => {
    const { page } = await open(browser, server.url);
    const base64 = readFileSync(at("clip-q8.safetensors")).toString("base64");
    const files = await page.evaluateHandle(async (base64) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], "dropped.safetensors"));
      return transfer;
    }, base64);
    await page.dispatchEvent("#drop-zone", "drop", { dataTransfer: files });
    await page.locator("#models li", { hasText: "dropped" }).waitFor();
    assert.match(await facts(page, "dropped"), /your file/);
    assert.equal(await page.locator("#pictures li").count(), 0, "a bundle is no picture");
    await page.context().close();
  });
});

describe("a bundle from an address", () => {
  const path = "/clip-f32.safetensors";
  const url = () => `${server.url}?bundle=clip-f32.safetensors`;

  test("arrives whole although the connection breaks again and again", async () => {
    const size = readFileSync(at("clip-f32.safetensors")).length;
    faults.set(path, { after: Math.ceil(size / 4), how: "cut" });
    asked.clear();
    const { page } = await open(browser, url());
    await checkParity(page, "clip-f32", at("clip-f32.safetensors"));
    assert.equal(asked.get(path), 4, "each answer goes on where the one before broke off");
    faults.clear();
    await page.context().close();
  });

  test("is said to be cut off when nothing more comes, and the other models stay", async () => {
    faults.set(path, { after: 0, how: "cut" });
    const { page } = await open(browser, url());
    assert.match(await page.textContent("#bundle-note"), /clip-f32 was not loaded: .*(cut off|could not be fetched)/);
    faults.clear();
    await page.setInputFiles("#image-input", IMAGE);
    assert.ok((await compare(page, CAPTION)).length > 0);
    await page.context().close();
  });

  test("can be canceled while it comes", async () => {
    faults.set(path, { after: 100_000, how: "stall" });
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(url());
    await page.locator("#status", { hasText: /Downloading clip-f32: \d+\.\d MB of \d+\.\d MB/ }).waitFor();
    await page.click("#cancel");
    await page.waitForSelector('body[data-state="ready"]');
    assert.match(await page.textContent("#bundle-note"), /the download was canceled/);
    assert.ok(await page.isHidden("#cancel"));
    faults.clear();
    await context.close();
  });

  test("is refused by its beginning when there is no room for it", async () => {
    const { page } = await open(browser, `${server.url}?bundle=huge.safetensors`);
    assert.match(await page.textContent("#bundle-note"), /largest tensor takes 2080 MB, and this device has room for \d+ MB/);
    await page.context().close();
  });

  test("is kept, looked after, and thrown away on request", async () => {
    const name = "kept.safetensors";
    copyFileSync(at("clip-f16.safetensors"), at(name));
    asked.clear();
    const { page } = await open(browser, `${server.url}?bundle=${name}`);
    const again = async () => {
      await page.reload();
      await page.waitForSelector('body[data-state="ready"]');
      return facts(page, "kept");
    };
    assert.match(await facts(page, "kept"), /downloaded/);
    assert.match(await again(), /from cache/);
    assert.equal(asked.get(`/${name}`), 1);
    // Another version at the same address takes the place of the first.
    copyFileSync(at("clip-q8.safetensors"), at(name));
    assert.match(await again(), /downloaded/);
    assert.match(await again(), /from cache/);
    const list = page.locator("#kept li");
    assert.deepEqual((await list.locator('[data-slot="name"]').allTextContents()).sort(), ["kept", "photo-backbone", "photo-hard-negative", "photo-plain"]);
    await list.filter({ hasText: "kept" }).getByRole("button").click();
    await page.waitForFunction(() => document.querySelectorAll("#kept li").length === 3);
    assert.match(await again(), /downloaded/);
    await page.context().close();
  });
});
