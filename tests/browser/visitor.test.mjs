// What visitors really do: many large photographs, a network that goes away, captions that are still being written, files and links
// of all kinds. Run by ./foil test.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";

import { SAMPLES, ask, compare, launch, open, patchEngine, rows, visitors } from "./browser.mjs";

const CAPTION = "a small brown cat on the left";
const visit = visitors("cpu");

const sample = (name) => join(SAMPLES, `${name}.jpg`);
const upload = (page, ...names) => page.setInputFiles("#image-input", names.map(sample));
const status = (page, words) => page.locator("#status", { hasText: words }).waitFor();
const models = async (page) => [...new Set((await rows(page)).map((row) => row.model))];
const gallery = (page) => page.waitForFunction(() => document.querySelectorAll("#samples li").length === 13);
const verdict = (page) => page.textContent(".verdicts li:first-child [data-slot=verdict]");

/** The most memory that the page's process has taken so far, in MB. */
async function memory(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const peaks = processInfo
    .filter(({ type }) => type === "renderer")
    .map(({ id }) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))[1]) / 1024);
  return Math.max(...peaks);
}

/** A JPEG of 8000 by 6000 pixels. */
async function photograph(page) {
  const base64 = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(8000, 6000);
    const context = canvas.getContext("2d");
    for (let nth = 0; nth < 400; nth++) {
      context.fillStyle = `hsl(${(nth * 47) % 360} 60% ${30 + ((nth * 13) % 50)}%)`;
      context.fillRect((nth * 977) % 8000, (nth * 613) % 6000, 900, 700);
    }
    const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/jpeg" })).arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  });
  return Buffer.from(base64, "base64");
}

describe("many photographs", () => {
  test("of 48 megapixels take no more memory than a few, and the first is answered before all are read", async (t) => {
    const { page: maker } = await open(visit.cpu, visit.url);
    const buffer = await photograph(maker);
    await maker.context().close();
    const browser = await launch({ webgpu: false }, t);
    const { page, problems } = await open(browser, visit.url);
    const files = Array.from({ length: 12 }, (_, nth) => ({ name: `${nth}.jpg`, mimeType: "image/jpeg", buffer }));
    await page.setInputFiles("#image-input", files);
    await compare(page, "a red square on a green field");
    const read = () => page.locator("#pictures img[src]").count();
    assert.ok((await read()) < files.length, "the rest can wait");
    await status(page, "12 pictures opened");
    assert.equal(await read(), files.length);
    await page.fill("#more-captions", "a cat\n\n a red rocket ");
    await page.click("#ask-all");
    await page.waitForSelector('body[data-state="ready"] [data-role="matrix-cell"]');
    assert.equal(await page.locator("#matrix-body tr").count(), 12);
    assert.equal(await page.locator("#matrix-head button").count(), 3);
    const [own, none] = await page.$$eval("#matrix-body tr", (rows) => rows.map((row) => row.dataset.hasOwn));
    assert.deepEqual([own, none], ["true", "false"]);
    const most = await memory(browser);
    console.log(`# 12 photographs of 48 megapixels: at most ${most.toFixed(0)} MB`);
    assert.ok(most < 1000, `${most} MB`);
    assert.deepEqual(problems, []);
  });

  test("one that stops the engine is left out when it starts again, and the others are answered", async () => {
    const script = `
      const read = Blob.prototype.arrayBuffer;
      Blob.prototype.arrayBuffer = function () {
        if (this.size === 666) { setTimeout(() => { throw new Error("planted"); }); return new Promise(() => {}); }
        return read.call(this);
      };`;
    const { page } = await open(visit.cpu, visit.url, { prepare: (page) => patchEngine(page, script) });
    const fatal = { name: "fatal.jpg", mimeType: "image/jpeg", buffer: Buffer.alloc(666, 255) };
    const cat = { name: "cat.jpg", mimeType: "image/jpeg", buffer: readFileSync(sample("cat")) };
    await page.setInputFiles("#image-input", [fatal, cat]);
    await page.waitForSelector('body[data-state="failed"]');
    await page.click("#retry");
    await page.waitForSelector('body[data-state="ready"]');
    assert.match(await page.locator("#pictures li", { hasText: "fatal.jpg" }).locator("[data-slot=problem]").textContent(), /too large for this browser/);
    await page.locator("#pictures li", { hasText: "cat.jpg" }).locator("[data-slot=pick]").click();
    assert.ok((await compare(page, CAPTION)).length > 2);
    await page.context().close();
  });
});

describe("a network that goes away", () => {
  test("during the first visit takes nothing that was there, and what was kept starts again", async () => {
    const { page, context, problems } = await open(visit.cpu, visit.url);
    await gallery(page);
    await page.waitForFunction(() => navigator.serviceWorker.controller);
    await context.setOffline(true);
    await page.click("#samples li:nth-child(9) button");
    await status(page, /Keeping the current models: scene-.* could not be fetched \(are you online\?\)/);
    assert.equal(await page.getAttribute("body", "data-state"), "ready");
    assert.ok(await page.isChecked("#set-photographs"));
    await page.click("#samples li:nth-child(1) button");
    await page.waitForSelector('body[data-state="ready"] [data-role="score"]');
    assert.deepEqual(await models(page), ["photo-plain", "photo-hard-negative"]);
    // What the visitor would press after a crash.
    await page.workers()[0].evaluate(() => setTimeout(() => { throw new Error("planted"); }));
    await page.waitForSelector('body[data-state="failed"]');
    await page.click("#retry");
    await page.waitForSelector('body[data-state="ready"] [data-role="score"]');
    await context.setOffline(false);
    await page.click("#samples li:nth-child(9) button");
    await page.waitForSelector('[data-role="score"][data-model="scene-plain"]');
    assert.deepEqual(problems.filter((problem) => !problem.includes("planted")), []);
    await context.close();
  });

  test("leaves the model that is still kept when the other one was deleted", async () => {
    const { page, context } = await open(visit.cpu, visit.url);
    await page.waitForFunction(() => navigator.serviceWorker.controller);
    await page.click('#kept li:has-text("photo-plain") button');
    await page.waitForFunction(() => document.querySelectorAll("#kept li").length === 2);
    await context.setOffline(true);
    await page.reload();
    await page.waitForSelector('body[data-state="ready"]');
    await upload(page, "cat");
    await compare(page, CAPTION);
    assert.deepEqual(await models(page), ["photo-hard-negative"]);
    assert.ok(await page.isVisible("#retry"));
    await context.setOffline(false);
    await page.click("#retry");
    await page.waitForFunction(() => document.querySelectorAll("#models li").length === 2);
    await context.close();
  });
});

describe("a question", () => {
  for (const [where, viewport] of [["laptop", { width: 1366, height: 650 }], ["phone", { width: 390, height: 844 }]]) {
    test(`on a ${where} shows what both models pick without scrolling`, async () => {
      const { page } = await open(visit.cpu, visit.url, { viewport });
      const first = page.locator("#columns .column").first();
      await first.waitFor();
      assert.equal(await page.evaluate(() => scrollY), 0, "the first one is there to begin with, and takes nobody along");
      for (const question of await page.locator("#challenges a").all()) {
        await question.click();
        const asked = new URLSearchParams((await question.getAttribute("href")).slice(1));
        await page.waitForSelector(`body[data-state="ready"] [data-role="score"][data-caption="${asked.get("caption")}"]`);
        const ends = await page.$$eval('.verdicts [data-asked="true"]', (lines) => lines.map((line) => line.getBoundingClientRect().bottom));
        assert.equal(ends.length, 2, "the foil that was asked about comes first");
        assert.ok(ends.every((end) => end > 0 && end <= viewport.height), `${ends} of ${viewport.height}`);
        const rows = await page.$$eval('.column', (columns) => columns.map((column) => column.querySelector('[data-kind="negative"]').dataset.caption));
        assert.deepEqual(rows, [asked.get("foil"), asked.get("foil")]);
      }
      await page.context().close();
    });
  }

  test("of one's own is asked against one's own foil, and travels in the link", async () => {
    const { page } = await open(visit.cpu, visit.url);
    await gallery(page);
    await page.click("#samples li:nth-child(1) button");
    await page.fill("#caption-input", "a cat with green eyes");
    await page.fill("#foil-input", "a wise old owl");
    await ask(page);
    assert.match(await verdict(page), /^picks “cat with green eyes” over|^picks “wise old owl” over/);
    assert.equal(await page.textContent(".verdicts li:first-child .badge"), "yours");
    assert.ok((await rows(page)).some((row) => row.caption === "a wise old owl" && row.kind === "negative" && row.concept === ""));
    const { page: other } = await open(visit.cpu, page.url());
    await other.waitForSelector('body[data-state="ready"] [data-role="score"][data-caption="a wise old owl"]');
    assert.equal(await other.inputValue("#foil-input"), "a wise old owl");
    await other.context().close();
    await page.context().close();
  });

  test("is answered while it is typed, and counts when it is asked", async () => {
    const { page } = await open(visit.cpu, visit.url);
    await upload(page, "cat");
    assert.equal(await page.textContent("#caption-note"), "Describe the picture in one sentence.");
    await page.locator("#caption-input").pressSequentially("a brown cat", { delay: 20 });
    await page.waitForSelector('[data-role="score"][data-caption="a brown cat"]');
    assert.ok(!(await page.isVisible("#scorecard")));
    await page.locator("#caption-input").pressSequentially(" on a table", { delay: 20 });
    assert.equal(await page.getAttribute("#results", "data-stale"), "true");
    await page.waitForSelector('[data-stale="false"] [data-role="score"][data-caption="a brown cat on a table"]');
    await page.keyboard.press("Enter");
    await page.locator("#scorecard-shares li", { hasText: "of 1" }).first().waitFor();
    const card = await page.textContent("#scorecard-shares");
    assert.doesNotMatch(card, /of 2/);
    await page.context().close();
  });

  test("is not inherited by other pictures, and what was typed beforehand is not lost", async () => {
    const { page } = await open(visit.cpu, visit.url);
    await page.fill("#caption-input", CAPTION);
    await upload(page, "cat", "coffee");
    await page.waitForSelector(`body[data-state="ready"] [data-role="score"][data-caption="${CAPTION}"][data-image="cat.jpg"]`);
    await page.locator("#pictures [data-slot=pick]").nth(1).click();
    assert.equal(await page.inputValue("#caption-input"), "");
    assert.equal((await rows(page)).length, 0);
    await upload(page, "rocket");
    assert.equal(await page.inputValue("#caption-input"), "");
    await page.context().close();
  });

  test("is gone back to by the browser's button, and links within the page leave the address alone", async () => {
    const { page } = await open(visit.cpu, visit.url);
    await gallery(page);
    await page.click("#samples li:nth-child(1) button");
    await compare(page, "a brown cat");
    await compare(page, "a black cat");
    await page.click(".top nav a");
    assert.match(page.url(), /a\+black\+cat/);
    await page.goBack();
    await page.waitForSelector('body[data-state="ready"] [data-role="score"][data-caption="a brown cat"]');
    assert.equal(await page.inputValue("#caption-input"), "a brown cat");
    // A question is one step, whatever order its link names things in.
    await page.click("#challenges li:nth-child(2) a");
    await page.waitForSelector('body[data-state="ready"] [data-role="score"][data-caption="an orange suit"]');
    await page.goBack();
    await page.waitForSelector('body[data-state="ready"] [data-role="score"][data-caption="a brown cat"]');
    await page.context().close();
  });

  test("in a link about somebody's own picture says that the picture is missing", async () => {
    const { page } = await open(visit.cpu, `${visit.url}#caption=a+woman+in+a+blue+suit&models=photographs`);
    assert.match(await page.textContent("#caption-note"), /picture is not in this link/);
    await upload(page, "astronaut");
    await page.waitForSelector('body[data-state="ready"] [data-role="score"][data-caption="a woman in a blue suit"]');
    await page.context().close();
  });
});

describe("a file", () => {
  test("can be opened again after it was removed, and leaving warns of what would be lost", async () => {
    const { page } = await open(visit.cpu, visit.url);
    const opened = (count) => page.waitForFunction((count) => document.querySelectorAll("#pictures li").length === count, count);
    for (let turn = 0; turn < 2; turn++) {
      await upload(page, "cat");
      await page.locator("#pictures li", { hasText: "cat.jpg" }).waitFor();
      await opened(1);
      await compare(page, CAPTION);
      if (turn === 0) await page.click('#pictures [data-slot="remove"]');
      if (turn === 0) await opened(0);
    }
    await upload(page, "cat");
    assert.deepEqual(await page.$$eval("#counterpart option", (options) => options.map((option) => option.textContent)), ["no other picture", "cat.jpg"]);
    const asked = new Promise((resolve) => page.on("dialog", (dialog) => resolve(dialog.type()) ?? dialog.accept()));
    await page.reload();
    assert.equal(await asked, "beforeunload");
    await page.context().close();
  });

  test("in a format that only the browser reads is read by it, and that is said", async () => {
    const { page } = await open(visit.cpu, visit.url);
    // 48 by 32 pixels, red beside blue, as Pillow writes AVIF.
    const avif = Buffer.from(
      "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAAAAAAAOcGl0bQAAAAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAETAAAALQAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEAAGF2MDFDb2xvcgAAAABqaXBycAAAAEtpcGNvAAAAFGlzcGUAAAAAAAAAMAAAACAAAAAQcGl4aQAAAAADCAgIAAAADGF2MUOBAAwAAAAAE2NvbHJuY2x4AAEADQAGgAAAABdpcG1hAAAAAAAAAAEAAQQBAoMEAAAANW1kYXQSAAoJGBUv+0QENBoQMh5Egf39qkAggg+QAADcq68lLZe/9Tl0QBBxRujXjgo=",
      "base64",
    );
    await page.setInputFiles("#image-input", { name: "two.avif", mimeType: "image/avif", buffer: avif });
    assert.ok((await compare(page, "a red and blue flag")).length > 2);
    assert.match(await page.textContent("#current-note"), /decoded by the browser/);
    // The thumbnail shows what the engine saw.
    const colors = await page.evaluate(async () => {
      const thumb = document.querySelector("#pictures img");
      await thumb.decode();
      const context = new OffscreenCanvas(48, 32).getContext("2d");
      context.drawImage(thumb, 0, 0);
      return [8, 40].map((x) => [...context.getImageData(x, 16, 1, 1).data.subarray(0, 3)]);
    });
    const apart = colors.flat().map((level, at) => Math.abs(level - [200, 40, 30, 30, 60, 190][at]));
    assert.ok(Math.max(...apart) < 12, `${colors}`);
    await page.context().close();
  });

  test("that is none, or shows nothing, is said to be so", async () => {
    const { page } = await open(visit.cpu, visit.url);
    await page.setInputFiles("#image-input", { name: "notes.png", mimeType: "image/png", buffer: Buffer.from("text") });
    await status(page, "notes.png cannot be used: the file is not an image");
    assert.equal(await page.textContent("#hint"), "This file cannot be shown.");
    const text = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.setData("text/uri-list", "https://foil.invalid/cat.jpg");
      return transfer;
    });
    await page.dispatchEvent("body", "drop", { dataTransfer: text });
    await status(page, "That was not a file");
    const white = await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(30, 30);
      canvas.getContext("2d");
      return [...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())];
    });
    await page.setInputFiles("#image-input", { name: "clear.png", mimeType: "image/png", buffer: Buffer.from(white) });
    await page.locator("#current-note", { hasText: "all of one color, so there is nothing to see" }).waitFor();
    await page.click("#editor summary");
    await page.click("#undo");
    assert.equal(await page.textContent("#edit-note"), "There is nothing to undo.");
    await page.context().close();
  });
});

describe("a wrong detail", () => {
  test("is added to the caption by a press, and the models believe it or not", async () => {
    const { page } = await open(visit.cpu, visit.url);
    await gallery(page);
    await page.click("#samples li:nth-child(3) button");
    await page.fill("#caption-input", "a cup on a table");
    await page.click("#add-detail");
    const offers = page.locator("#word-offers button");
    assert.ok((await offers.count()) > 3);
    const detail = await offers.first().textContent();
    await offers.first().click();
    const foil = `a cup on a table ${detail}`;
    assert.equal(await page.inputValue("#foil-input"), foil);
    await page.waitForSelector(`body[data-state="ready"] [data-role="score"][data-caption="${foil}"]`);
    for (const line of await page.locator('.verdicts [data-asked="true"]').all()) {
      const believes = (await line.getAttribute("data-verdict")) === "no";
      const said = await line.textContent();
      assert.ok(said.includes(`${believes ? "believes" : "does not believe"} “${detail}”`), said);
    }
    await page.context().close();
  });
});

describe("the score", () => {
  test("outlives the visit of those who agree, and counts nothing twice", async () => {
    const { page } = await open(visit.cpu, visit.url);
    await upload(page, "cat");
    const rows = () => page.$$eval("#scorecard-shares li", (rows) => rows.map((row) => row.textContent.replace(/\s+/g, " ").trim()));
    await compare(page, "a brown cat");
    const before = await rows();
    assert.ok(before.length >= 2);
    const kept = () => page.evaluate(() => localStorage.getItem("foil-score"));
    assert.equal(await kept(), null);
    await page.check("#score-remember");
    page.on("dialog", (dialog) => dialog.accept());
    await page.reload();
    await page.waitForSelector('body[data-state="ready"]');
    assert.deepEqual(await rows(), before);
    await upload(page, "cat");
    await compare(page, "a brown cat");
    assert.deepEqual(await rows(), before, "the same question");
    await compare(page, "a brown cat on a table");
    assert.notDeepEqual(await rows(), before);
    await page.uncheck("#score-remember");
    assert.equal(await kept(), null);
    await page.context().close();
  });
});

describe("whoever sees otherwise", () => {
  test("sees in forced colors which models answer and which picture is chosen", async () => {
    const { page } = await open(visit.cpu, visit.url, { prepare: (page) => page.emulateMedia({ forcedColors: "active" }) });
    const grounds = await page.$$eval("#sets span", (spans) => spans.map((span) => getComputedStyle(span).backgroundColor));
    assert.notEqual(grounds[0], grounds[1]);
    await upload(page, "cat", "coffee");
    await page.waitForFunction(() => document.querySelectorAll("#pictures img[src]").length === 2);
    const lines = await page.$$eval("#pictures img", (images) => images.map((image) => getComputedStyle(image).outlineStyle));
    assert.deepEqual(lines, ["solid", "none"]);
    await page.context().close();
  });

  test("hears the verdict's summary and not every number, and skips to the picture", async () => {
    const { page } = await open(visit.cpu, visit.url);
    assert.equal(await page.locator("#results[aria-live]").count(), 0);
    assert.equal(await page.locator('[aria-live] [data-role="score"]').count(), 0);
    const before = page.url();
    await page.focus(".skip");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "workbench");
    assert.equal(page.url(), before);
    await page.context().close();
  });
});
