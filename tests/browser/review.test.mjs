// Checking candidates of a challenge set by the keyboard alone: decisions that last, two people's reviews, a verified set that is the
// trainer's. Run by ./foil test.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { ROOT, folder, launch, open, trainer, visitors } from "./browser.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const EXAMPLE = join(ROOT, "docs/challenge-set");
const visit = visitors("cpu");
const temporary = folder();
const at = (name) => join(temporary.path, name);

before(() => {
  const from = ["captions.csv", "images", "masks"].map((name) => join(EXAMPLE, name));
  const [captions, images, masks] = from;
  trainer(
    ...["inpaint", "--captions", captions, "--images", images, "--masks", masks, "--license", "free", "--size", "96"],
    ...["--pairs", "2", "--candidates", "3", "--seed", "1", "--out", at("candidates.parquet")],
  );
  trainer("scenes", "--out", at("scenes"), "--count", "1000");
});
after(() => temporary.remove());

/** Opens candidates, and waits until the first that is open is on show. */
async function check(page, file) {
  await page.setInputFiles("#candidates-input", file);
  await page.waitForSelector("#review:not([hidden])");
  await shown(page);
}

/** Waits for the images of the item on show: before that nothing is decided. */
const shown = (page) =>
  page.waitForFunction(() => {
    const images = ["review-before", "review-after"].map((id) => document.getElementById(id));
    return document.getElementById("review").dataset.row !== "" && images.every((image) => image.complete && image.naturalWidth > 0);
  });

/** Presses keys, each when the images of the item are on show. */
async function press(page, ...keys) {
  for (const key of keys) {
    await shown(page);
    await page.keyboard.press(key);
  }
}

const text = (page, id) => page.locator(`#${id}`).textContent();

async function download(page, button) {
  const [file] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
  const path = at(`${Math.random()}-${file.suggestedFilename()}`);
  await file.saveAs(path);
  return path;
}

describe("candidates", () => {
  test("are decided by the keyboard, and the decisions last", async () => {
    const { page, problems } = await open(visit.cpu, visit.url);
    await page.locator("#candidates-input").focus();
    await check(page, at("candidates.parquet"));
    assert.equal(await page.evaluate(() => document.activeElement.id), "review-heading");
    assert.equal(await page.locator("#workbench").isVisible(), false);
    const [, n] = /Item 1 of (\d+)/.exec(await text(page, "review-position"));
    assert.ok(n > 8);
    await page.keyboard.press("b");
    assert.equal(await page.locator("#review-under").isVisible(), true);
    await press(page, "a");
    assert.match(await text(page, "review-position"), /Item 2 of/);
    assert.equal(await page.locator("#review-under").isVisible(), false);
    await press(page, "3", "e");
    await page.keyboard.press("End");
    // What is typed decides nothing.
    await page.keyboard.type(" and a 1");
    await page.keyboard.press("Enter");
    await press(page, "a");
    assert.equal(await text(page, "review-progress"), `3 of ${n} decided, 2 accepted`);
    await page.keyboard.press("ArrowLeft");
    assert.match(await page.inputValue("#review-caption"), / and a 1$/);
    assert.equal(await text(page, "review-verdict"), "Accepted.");
    await page.keyboard.press("ArrowLeft");
    assert.equal(await text(page, "review-verdict"), "Rejected: the edit looks broken.");
    await page.keyboard.press("u");
    assert.equal(await text(page, "review-verdict"), "Not decided.");

    await page.reload();
    await page.waitForSelector('body[data-state="ready"]');
    await check(page, at("candidates.parquet"));
    assert.equal(await text(page, "review-progress"), `2 of ${n} decided, 2 accepted`);
    assert.match(await text(page, "review-position"), /Item 2 of/, "the first that is open");
    await page.click("#review-close");
    assert.equal(await page.locator("#workbench").isVisible(), true);
    assert.deepEqual(problems, []);
    await page.context().close();
  });

  test("have several candidates an item, of which one is accepted", async () => {
    const { page } = await open(visit.cpu, visit.url);
    await check(page, at("candidates.parquet"));
    while (!/of [23]/.test(await text(page, "review-candidate"))) await page.keyboard.press("ArrowRight");
    await shown(page);
    const image = () =>
      page.evaluate(async () => {
        const after = document.getElementById("review-after");
        await after.decode();
        const context = new OffscreenCanvas(after.naturalWidth, after.naturalHeight).getContext("2d");
        context.drawImage(after, 0, 0);
        return context.getImageData(0, 0, after.naturalWidth, after.naturalHeight).data.reduce((sum, level, at) => (sum + level * at) % 1e9, 0);
      });
    const row = () => page.locator("#review").getAttribute("data-row");
    const [first, before] = [Number(await row()), await image()];
    await page.keyboard.press("c");
    await page.waitForSelector(`#review[data-row="${first + 1}"]`);
    assert.notEqual(await image(), before);
    await press(page, "a");
    await page.keyboard.press("ArrowLeft");
    await page.waitForSelector(`#review[data-row="${first + 1}"]`);
    assert.match(await text(page, "review-candidate"), /candidate 2 of/);
    await page.keyboard.press("ArrowUp");
    assert.equal(await text(page, "review-verdict"), "Another candidate is accepted.");
    await page.context().close();
  });

  test("that two people have checked become the set that the trainer makes", async () => {
    const { page, problems } = await open(visit.cpu, visit.url);
    await check(page, at("candidates.parquet"));
    const [, n] = /of (\d+)/.exec(await text(page, "review-position"));
    for (let nth = 0; nth < n; nth++) await press(page, nth % 3 === 2 ? "2" : "a");
    await page.fill("#review-annotator", "Ann B.");
    const ann = await download(page, "#review-save");
    const ben = JSON.parse(readFileSync(ann, "utf8"));
    ben.annotator = "Ben";
    ben.verdicts["1"] = { verdict: "reject", reason: "artifacts" };
    writeFileSync(at("ben.json"), JSON.stringify(ben));
    writeFileSync(at("other.json"), JSON.stringify({ ...ben, set: "0" }));
    await page.setInputFiles("#reviews-input", at("other.json"));
    await page.waitForFunction(() => document.getElementById("review-note").textContent.includes("another set"));
    await page.setInputFiles("#reviews-input", at("ben.json"));
    await page.waitForFunction(() => document.getElementById("review-agreement").textContent.includes("kappa"));
    // One's own review is no second one, and keys decide again.
    await page.setInputFiles("#reviews-input", ann);
    await page.waitForFunction(() => document.getElementById("review-note").textContent.includes("two reviews are by Ann B."));
    assert.equal(await page.evaluate(() => document.activeElement.id), "review-heading");
    assert.match(await text(page, "review-agreement"), /kappa is 0\.\d\d, with 1 disputed/);
    const verified = await download(page, "#review-verify");
    const out = at("verified.parquet");
    const said = trainer("verify", "--candidates", at("candidates.parquet"), "--reviews", ann, at("ben.json"), "--out", out);
    assert.match(said, /kappa of Ann B. and Ben: 0\.\d\d \(1 disputed\)/);
    assert.deepEqual(readFileSync(verified), readFileSync(out));
    assert.deepEqual(problems, []);
    await page.context().close();
  });

  test("are a thousand without trouble", async (t) => {
    const browser = await launch({ webgpu: false }, t);
    const { page, problems } = await open(browser, visit.url);
    const session = await browser.newBrowserCDPSession();
    const memory = async () => {
      const { processInfo } = await session.send("SystemInfo.getProcessInfo");
      const pages = processInfo.filter(({ type }) => type === "renderer");
      return Math.max(...pages.map(({ id }) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))[1]) / 1024));
    };
    const before = await memory();
    await check(page, at("scenes/test.parquet"));
    assert.match(await text(page, "review-position"), /Item 1 of 1000/);
    for (let nth = 0; nth < 300; nth++) await press(page, nth % 2 ? "a" : "1");
    await shown(page);
    assert.match(await text(page, "review-progress"), /300 of 1000 decided, 150 accepted/);
    await page.keyboard.press("ArrowRight");
    await page.waitForSelector('#review[data-row="301"]');
    const more = (await memory()) - before;
    console.log(`# 1,000 candidates: ${more.toFixed(0)} MB more`);
    assert.ok(more < 400, `${more} MB`);
    assert.deepEqual(problems, []);
  });

  test("are not decided while other images are on show, and survive an engine that dies", async () => {
    const { page } = await open(visit.cpu, visit.url);
    await check(page, at("candidates.parquet"));
    await press(page, "a");
    // Without a pause: the images of the second item are still on their way.
    await page.evaluate(() => {
      for (const key of ["ArrowRight", "a", "1"]) document.dispatchEvent(new KeyboardEvent("keydown", { key }));
    });
    assert.match(await text(page, "review-progress"), /^1 of/);
    await shown(page);
    await page.evaluate(() => document.dispatchEvent(new KeyboardEvent("keydown", { key: "a", repeat: true })));
    assert.match(await text(page, "review-progress"), /^1 of/);
    const [engine] = page.workers();
    await engine.evaluate(() => setTimeout(() => { throw new Error("gone"); }));
    await page.waitForSelector('body[data-state="failed"]');
    await page.click("#retry");
    await page.waitForSelector('body[data-state="ready"]');
    await press(page, "a");
    assert.match(await text(page, "review-progress"), /^2 of/);
    await page.context().close();
  });

  test("of another kind are refused in words", async () => {
    const { page, problems } = await open(visit.cpu, visit.url);
    writeFileSync(at("rubbish.parquet"), "rubbish");
    for (const [file, why] of [
      [at("rubbish.parquet"), "it is not a parquet file"],
      [join(ROOT, "tests/golden/bivlc.parquet"), 'no column "concept"'],
    ]) {
      await page.setInputFiles("#candidates-input", file);
      await page.waitForFunction((why) => document.getElementById("candidates-note").textContent.includes(why), why);
      assert.equal(await page.locator("#review").isVisible(), false);
      assert.equal(await page.locator("body").getAttribute("data-state"), "ready");
    }
    assert.deepEqual(problems, []);
    await page.context().close();
  });

  for (const [width, height] of [[1366, 650], [320, 700]]) {
    for (const colorScheme of ["light", "dark"]) {
      test(`axe finds nothing at ${width} pixels in the ${colorScheme}, and nothing is cut off`, async () => {
        const { page } = await open(visit.cpu, visit.url, { viewport: { width, height } });
        await page.emulateMedia({ colorScheme });
        await check(page, at("candidates.parquet"));
        await press(page, "1");
        await page.evaluate(AXE);
        const found = await page.evaluate(async () =>
          (await window.axe.run()).violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map((node) => node.html.slice(0, 200)) })),
        );
        assert.deepEqual(found, []);
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width);
        await page.context().close();
      });
    }
  }
});
