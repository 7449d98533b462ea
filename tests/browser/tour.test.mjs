// One tour through everything that the page can do, on both backends, wide and narrow, light and dark, and without a network.
// It asks the models of drawn scenes, which answer at once even where WebGPU is emulated. Run by ./foil test.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { compare, open, paint, rows, visitors } from "./browser.mjs";

const DESKTOP = { width: 1280, height: 1200 };
const PHONE = { width: 390, height: 844 };
/** A crown and a yellow cat on pink; the address asks for it and for the models that know it. */
const SCENE = "#sample=scene+location+2&models=scenes";

const WAYS = [
  { backend: "cpu", viewport: DESKTOP, colorScheme: "light" },
  { backend: "cpu", viewport: PHONE, colorScheme: "dark" },
  { backend: "webgpu", viewport: DESKTOP, colorScheme: "dark" },
  { backend: "webgpu", viewport: PHONE, colorScheme: "light" },
  { backend: "cpu", viewport: PHONE, colorScheme: "light", offline: true },
];

const FITS = (color) => `at the bottom of the picture, a ${color} cat`;
/** What is done to the yellow cat, and what becomes of the picture's yellow. */
const CHANGES = [
  ...["purple", "black", "white"].map((set) => ({ kind: "recolor", set, fits: FITS(set), holds: (before, after) => after.share < 0.1 * before.share })),
  { kind: "remove", holds: (before, after) => after.share < 0.1 * before.share },
  { kind: "move", set: ["#move-right", "-40"], holds: (before, after) => Math.abs(after.share / before.share - 1) < 0.1 && after.x < before.x - 0.35 },
  { kind: "resize", set: ["#resize-by", "50"], holds: (before, after) => Math.abs(after.share / before.share - 0.25) < 0.1 },
  { kind: "mirror", holds: (before, after) => Math.abs(after.share / before.share - 1) < 0.01 && Math.abs(after.x + before.x - 1) < 0.01 },
];

const visit = visitors("cpu", "webgpu");

const ready = (page, what) => page.waitForSelector(`body[data-state="ready"] ${what}`);

async function saved(page, button) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
  return readFileSync(await download.path());
}

/** The share of the picture on show that is yellow, and how far right that is on average. */
function yellow(page) {
  return page.evaluate(async () => {
    const picture = document.querySelector("#current-picture");
    await picture.decode();
    const { naturalWidth: width, naturalHeight: height } = picture;
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.drawImage(picture, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    const places = Array.from({ length: width * height }, (_, place) => place).filter(
      (place) => data[4 * place] > 150 && data[4 * place + 1] > 130 && data[4 * place + 2] < 90,
    );
    return { share: places.length / (width * height), x: places.reduce((sum, place) => sum + (place % width) + 0.5, 0) / places.length / width };
  });
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
    await page.waitForFunction(() => /^Most help: /.test(document.querySelector("#look-summary").textContent));
    assert.ok(await page.isVisible("#relevance"));
    assert.ok((await page.locator("#look-words li").count()) > 2);
    await page.click("#look summary");

    // Every change of a thing, by what it does to the picture, and the caption that goes with it.
    await page.click("#editor summary");
    const before = await yellow(page);
    for (const { kind, set, holds, fits = caption } of CHANGES) {
      if (kind !== "mirror") {
        await paint(page, [0.645, 0.88], [0.69, 0.92]);
        await page.locator("#edit-note", { hasText: "mostly yellow" }).waitFor();
        assert.ok(await page.isVisible("#selection"));
      }
      await page.selectOption("#edit-kind", kind);
      if (kind === "recolor") await page.selectOption("#edit-color", set);
      else if (set) await page.fill(...set);
      const known = await page.locator("#pictures li").count();
      await page.click("#apply-edit");
      await page.waitForFunction((known) => document.querySelectorAll("#pictures li").length > known, known);
      await ready(page, kind === "recolor" ? '[data-role="square"]' : "#pictures");
      const after = await yellow(page);
      assert.ok(holds(before, after), `${kind} ${set}: ${JSON.stringify({ before, after })}`);
      assert.equal(await page.inputValue("#caption-input"), fits);
      await page.fill("#wipe", "50");
      assert.ok(await page.isVisible("#counterpart-picture"));
      await page.click("#undo");
      await page.waitForFunction((known) => document.querySelectorAll("#pictures li").length === known, known);
      await ready(page, '[data-role="score"]');
    }
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
    assert.ok((await page.locator("#scorecard-shares li").count()) >= 2);

    // Another caption, and the address that leads back here.
    await compare(page, "a large purple cat on the left");
    assert.match(page.url(), /caption=a\+large\+purple\+cat/);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${overflow} px too wide`);
    assert.deepEqual(problems, []);
    await context.close();
  });
}
