// What goes wrong in a browser: no storage, other tabs, a hidden tab, a graphics device that goes away. tests/FAULTS.md is the
// list. Run by ./foil test.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";

import { SAMPLES, compare, launch, open, patchEngine, visitors } from "./browser.mjs";

const CAPTION = "a small brown cat on the left";
const CAT = join(SAMPLES, "cat.jpg");
const visit = visitors("cpu", "webgpu");

describe("the browser's storage", () => {
  const ways = {
    denied: "caches.open = () => Promise.reject(new DOMException('denied', 'SecurityError'));",
    missing: "Object.defineProperty(self, 'caches', { value: undefined });",
    full: "Cache.prototype.put = () => Promise.reject(new DOMException('full', 'QuotaExceededError'));",
  };
  for (const [how, script] of Object.entries(ways)) {
    test(`may be ${how}: models come from the network, and everything is answered`, async () => {
      const { page, problems } = await open(visit.cpu, visit.url, {
        prepare: async (page) => {
          await page.addInitScript(script);
          await patchEngine(page, script);
        },
      });
      await page.setInputFiles("#image-input", CAT);
      assert.ok((await compare(page, CAPTION)).length > 2);
      await page.reload();
      await page.waitForSelector('body[data-state="ready"]');
      assert.deepEqual(problems, []);
      await page.context().close();
    });
  }
});

describe("a page that came over HTTP from another machine", () => {
  test("answers without storage, graphics processor and clipboard, which browsers keep from it", async (t) => {
    const { port } = new URL(visit.url);
    const browser = await launch({ webgpu: false, more: ["--host-resolver-rules=MAP foil.test 127.0.0.1"] }, t);
    const { page, problems } = await open(browser, `http://foil.test:${port}/`);
    assert.equal(await page.evaluate(() => isSecureContext), false);
    await page.setInputFiles("#image-input", CAT);
    assert.ok((await compare(page, CAPTION)).length > 2);
    await page.click("#copy-link");
    await page.locator("#share-note", { hasText: "does not let the page copy" }).waitFor();
    assert.deepEqual(problems, []);
  });
});

describe("other tabs", () => {
  test("that open at the same time load and answer each for itself", async () => {
    const context = await visit.cpu.newContext();
    const answers = await Promise.all(
      [CAPTION, "a dog on the right"].map(async (caption) => {
        const page = await context.newPage();
        page.setDefaultTimeout(150_000);
        await page.goto(visit.url);
        await page.waitForSelector('body[data-state="ready"]');
        await page.setInputFiles("#image-input", CAT);
        return (await compare(page, caption))[0].caption;
      }),
    );
    assert.deepEqual(answers, [CAPTION, "a dog on the right"]);
    await context.close();
  });

  test("that are looked at while this one loads do not keep it from loading", async () => {
    const context = await visit.cpu.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(150_000);
    await page.addInitScript(() => {
      Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
      Object.defineProperty(document, "hidden", { get: () => true });
    });
    await page.goto(visit.url);
    await page.waitForSelector('body[data-state="ready"]');
    await page.setInputFiles("#image-input", CAT);
    assert.ok((await compare(page, CAPTION)).length > 2);
    await context.close();
  });
});

describe("the graphics device", () => {
  test("may be lost: that is said, and the page goes on from where it was", async () => {
    const script = `
      const ask = GPUAdapter.prototype.requestDevice;
      GPUAdapter.prototype.requestDevice = async function (...args) {
        self.device = await ask.apply(this, args);
        return self.device;
      };`;
    const { page } = await open(visit.webgpu, `${visit.url}?backend=webgpu`, { prepare: (page) => patchEngine(page, script) });
    assert.equal(await page.getAttribute("body", "data-backend"), "webgpu");
    await page.setInputFiles("#image-input", CAT);
    await page.fill("#caption-input", CAPTION);
    await page.workers()[0].evaluate(() => self.device.destroy());
    await page.click("#run");
    await page.waitForSelector('body[data-state="failed"]');
    assert.match(await page.textContent("#status"), /\w{3,} \w+/);
    await page.click("#retry");
    await page.waitForSelector('body[data-state="ready"] [data-role="score"]');
    assert.equal(await page.inputValue("#caption-input"), CAPTION);
    await page.context().close();
  });
});
