// One tour through everything that the page can do, on both backends, wide and narrow, light and dark, and without a network.
// It asks the models of drawn scenes, which answer at once even where WebGPU is emulated. Run by ./foil test.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { compare, open, paint, rows, visitors } from "./browser.mjs";

const DESKTOP = { width: 1280, height: 1200 };
const PHONE = { width: 390, height: 844 };
/** A crown and a yellow cat on pink; the address asks for it and for the models that know it. */
const SCENE = "#sample=scene+2&models=scenes";

const WAYS = [
  { backend: "cpu", viewport: DESKTOP, colorScheme: "light" },
  { backend: "cpu", viewport: PHONE, colorScheme: "dark" },
  { backend: "webgpu", viewport: DESKTOP, colorScheme: "dark" },
  { backend: "webgpu", viewport: PHONE, colorScheme: "light" },
  { backend: "cpu", viewport: PHONE, colorScheme: "light", offline: true },
];

const visit = visitors("cpu", "webgpu");

const ready = (page, what) => page.waitForSelector(`body[data-state="ready"] ${what}`);

async function saved(page, button) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
  return readFileSync(await download.path());
}

for (const { backend, viewport, colorScheme, offline } of WAYS) {
  const name = `${backend}, ${viewport.width} pixels wide, ${colorScheme}${offline ? ", without a network" : ""}`;
  test(name, async () => {
    const { page, context, problems } = await open(visit[backend], `${visit.url}?backend=${backend}${SCENE}`, {
      viewport,
      prepare: (page) => page.emulateMedia({ colorScheme }),
    });
    if (offline) {
      await ready(page, '[data-role="square"]');
      await page.evaluate(() => navigator.serviceWorker.ready);
      await context.setOffline(true);
      await page.reload();
    }

    // The scene, its caption, its counterfactual, crosswise.
    await ready(page, '[data-role="square"]');
    assert.equal(await page.getAttribute("body", "data-backend"), backend);
    const caption = await page.inputValue("#caption-input");
    const scored = await rows(page);
    assert.equal(scored[0].caption, caption);
    assert.deepEqual([...new Set(scored.map((row) => row.model))], ["scene-plain", "scene-hard-negative"]);
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
    assert.equal(ground.every((level) => level < 60), colorScheme === "dark", `the ground is ${ground}`);

    // Where the models look.
    await page.click("#look summary");
    await page.waitForFunction(() => /^scene-plain leans/.test(document.querySelector("#look-summary").textContent));
    assert.ok(await page.isVisible("#relevance"));
    assert.ok((await page.locator("#look-words li").count()) > 2);
    await page.click("#look summary");

    // Another color for a thing, and the caption that goes with it.
    await page.click("#editor summary");
    await paint(page, [0.62, 0.78], [0.66, 0.8]);
    await page.locator("#edit-note", { hasText: "Selected" }).waitFor();
    assert.ok(await page.isVisible("#selection"));
    await page.selectOption("#edit-color", "purple");
    await page.click("#apply-edit");
    await page.locator("#current-name", { hasText: "made purple" }).waitFor();
    await ready(page, '[data-role="score"]');
    await page.fill("#wipe", "50");
    assert.ok(await page.isVisible("#counterpart-picture"));
    await page.click("#undo");
    await ready(page, '[data-role="score"]');
    await page.click("#editor summary");

    // Cases, files, all at once.
    await page.selectOption("#counterpart", { label: await page.locator("#pictures [data-slot=name]").nth(1).textContent() });
    await ready(page, '[data-role="square"]');
    await page.click("#keep-case");
    await page.locator("#save-cases", { hasText: "1 case" }).waitFor();
    assert.equal((await saved(page, "#save-cases")).subarray(0, 4).toString(), "PAR1");
    assert.equal(JSON.parse(await saved(page, "#save-json")).answers.length, 2);
    assert.match((await saved(page, "#save-csv")).toString(), /^image,model/);
    assert.equal((await saved(page, "#save-card")).subarray(1, 4).toString(), "PNG");
    await page.click("#ask-all");
    await ready(page, '[data-role="matrix-cell"]');
    assert.equal(await page.locator("#matrix-body tr").count(), 2);
    assert.equal(await page.locator("#scorecard-rows tr").count(), 2);

    // Another caption, and the address that leads back here.
    await compare(page, "a large purple cat on the left");
    assert.match(page.url(), /caption=a\+large\+purple\+cat/);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${overflow} px too wide`);
    assert.deepEqual(problems, []);
    await context.close();
  });
}
