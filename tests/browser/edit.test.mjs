// Editing a picture in the page, and asking both pictures and both captions crosswise. Run by ./foil test.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";

import { SAMPLES, compare, open, paint, visitors } from "./browser.mjs";

const CAPTION = "a woman in an orange suit in front of a flag";
const visit = visitors("cpu", "webgpu");

async function astronaut(options, backend = "cpu") {
  const opened = await open(visit[backend], `${visit.url}?backend=${backend}`, options);
  await opened.page.setInputFiles("#image-input", join(SAMPLES, "astronaut.jpg"));
  await compare(opened.page, CAPTION);
  await opened.page.click("#editor summary");
  return opened;
}

/** Makes a change and waits until the models have answered crosswise. */
async function change(page, kind, color) {
  await page.selectOption("#edit-kind", kind);
  if (color) await page.selectOption("#edit-color", color);
  await page.click("#apply-edit");
  await page.waitForSelector("body[data-state=ready] [data-role=square]");
}

/** The mean color of what the browser shows of the current picture within a rectangle, in shares of the picture. */
function meanColor(page, [left, top, right, bottom], image = "#current-picture") {
  return page.evaluate(
    async ([image, left, top, right, bottom]) => {
      const picture = document.querySelector(image);
      await picture.decode();
      const canvas = new OffscreenCanvas(picture.naturalWidth, picture.naturalHeight);
      const context = canvas.getContext("2d");
      context.drawImage(picture, 0, 0);
      const [width, height] = [(right - left) * canvas.width, (bottom - top) * canvas.height];
      const { data } = context.getImageData(left * canvas.width, top * canvas.height, width, height);
      const sum = [0, 0, 0];
      data.forEach((level, at) => at % 4 < 3 && (sum[at % 4] += level));
      return sum.map((level) => (4 * level) / data.length);
    },
    [image, left, top, right, bottom],
  );
}

const DESKTOP = { width: 1280, height: 1400 };
const PHONE = { width: 390, height: 844 };

for (const [where, viewport, backend] of [["desktop", DESKTOP, "cpu"], ["phone", PHONE, "cpu"], ["desktop", DESKTOP, "webgpu"]]) {
  test(`on a ${where} with ${backend} a suit is painted, recolored, compared crosswise and undone`, async () => {
    const { page, problems } = await astronaut({ viewport }, backend);
    assert.equal(await page.getAttribute("body", "data-backend"), backend);
    await paint(page, [0.32, 0.75], [0.42, 0.9]);
    await page.locator("#edit-note", { hasText: "mostly orange" }).waitFor();
    assert.ok(await page.isVisible("#selection"));
    await change(page, "recolor", "blue");
    const [r, g, b] = await meanColor(page, [0.28, 0.8, 0.34, 0.9]);
    assert.ok(b > r + 40 && b > g, `the suit is ${r} ${g} ${b}`);
    const face = [0.4, 0.15, 0.6, 0.3];
    const [before, now] = [await meanColor(page, face, "#counterpart-picture"), await meanColor(page, face)];
    // The browser's JPEG decoder is not ours.
    assert.ok(before.every((level, channel) => Math.abs(level - now[channel]) < 2), `the face was ${before} and is ${now}`);
    assert.equal(await page.inputValue("#caption-input"), "a woman in a blue suit in front of a flag");
    assert.match(await page.textContent("#current-name"), /astronaut\.jpg, orange made blue/);

    const squares = await page.$$eval("[data-role=square]", (tables) =>
      tables.map((table) => ({
        ...table.dataset,
        cosines: [...table.querySelectorAll("td[data-similarity]")].map((cell) => Number(cell.dataset.similarity)),
      })),
    );
    assert.deepEqual(squares.map((square) => square.model), ["photo-plain", "photo-hard-negative"]);
    for (const { cosines: [own, cross, other, counter], imageToText, textToImage, group } of squares) {
      assert.equal(imageToText, String(own > cross && counter > other));
      assert.equal(textToImage, String(own > other && counter > cross));
      assert.equal(group, String(imageToText === "true" && textToImage === "true"));
    }
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${overflow} px too wide`);

    await page.click("#undo");
    await page.waitForFunction(() => document.querySelectorAll("#pictures li").length === 1);
    assert.equal(await page.inputValue("#caption-input"), CAPTION);
    assert.equal(await page.locator("[data-role=square]").count(), 0);
    assert.deepEqual(problems, []);
    await page.context().close();
  });
}

describe("the editor", () => {
  test("removes, moves, resizes and mirrors", async () => {
    const { page, problems } = await astronaut();
    // The black helmet in the lower right corner.
    const helmet = [0.62, 0.72, 0.72, 0.85];
    const dark = async () => Math.max(...(await meanColor(page, helmet))) < 60;
    assert.ok(await dark());
    for (const kind of ["remove", "move", "resize", "mirror"]) {
      if (kind !== "mirror") await paint(page, [0.6, 0.72], [0.72, 0.8]);
      await page.selectOption("#edit-kind", kind);
      if (kind === "move") await page.fill("#move-right", "-40");
      const known = await page.locator("#pictures li").count();
      await page.click("#apply-edit");
      await page.waitForFunction((known) => document.querySelectorAll("#pictures li").length > known, known);
      await page.waitForSelector("body[data-state=ready]");
      if (kind === "remove" || kind === "mirror") assert.ok(!(await dark()), kind);
      await page.click("#undo");
      await page.waitForFunction((known) => document.querySelectorAll("#pictures li").length === known, known);
    }
    assert.deepEqual(problems, []);
    await page.context().close();
  });

  test("can be used by keyboard alone, and says what it cannot do", async () => {
    const { page } = await astronaut();
    await page.click("#apply-edit");
    assert.match(await page.textContent("#edit-note"), /Paint over/);
    await page.focus("#paint");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Space");
    await page.locator("#edit-note", { hasText: "Selected" }).waitFor();
    await page.click("#undo");
    assert.equal(await page.textContent("#edit-note"), "");
    await page.fill("#reach", "1");
    await paint(page, [0.05, 0.05], [0.95, 0.95]);
    await paint(page, [0.05, 0.95], [0.95, 0.05]);
    await page.locator("#edit-note", { hasText: "Selected" }).waitFor();
    await page.fill("#brush-size", "6");
    for (let row = 0; row < 10; row++) await paint(page, [0, row / 10 + 0.05], [1, row / 10 + 0.05]);
    await page.selectOption("#edit-kind", "remove");
    await page.click("#apply-edit");
    await page.locator("#edit-note", { hasText: "too much is selected" }).waitFor();
    await page.waitForSelector("body[data-state=ready]");
    await page.context().close();
  });

  test("a drawn scene is compared with its counterfactual", async () => {
    const { page } = await open(visit.cpu, visit.url);
    await page.waitForFunction(() => document.querySelectorAll("#samples li").length === 13);
    await page.click("#samples li:nth-child(8) button");
    await page.waitForSelector("body[data-state=ready] [data-role=square][data-model=scene-hard-negative]");
    const captions = await page.$$eval("[data-role=square]:first-of-type [data-slot^=caption]", (cells) => cells.map((cell) => cell.textContent));
    assert.equal(captions[0], await page.inputValue("#caption-input"));
    assert.notEqual(captions[1], captions[0]);
    await page.fill("#wipe", "100");
    await page.selectOption("#counterpart", "");
    await page.waitForFunction(() => document.body.dataset.state === "ready" && !document.querySelector("[data-role=square]"));
    await page.context().close();
  });

  test("a sample is changed by one press, both captions and both pictures are compared, and the link leads there", async () => {
    const { page, problems } = await open(visit.cpu, visit.url);
    await page.waitForFunction(() => document.querySelectorAll("#samples li").length === 13);
    await page.click("#samples li:nth-child(2) button");
    assert.deepEqual(await page.locator("#prepared li").allTextContents(), ["Make the suit blue", "Mirror the picture"]);
    await page.waitForFunction(() => document.querySelector("#current-name").textContent === "astronaut.jpg");
    const [red, , blue] = await meanColor(page, [0.13, 0.55, 0.18, 0.65]);
    assert.ok(red > blue + 50);
    await page.click("#prepared li:first-child button");
    await page.waitForSelector("body[data-state=ready] [data-role=square]");
    assert.equal(await page.inputValue("#caption-input"), "a blue suit");
    const [reds, , blues] = await meanColor(page, [0.13, 0.55, 0.18, 0.65]);
    assert.ok(blues > reds + 50, `${[reds, blues]}`);
    assert.deepEqual(await page.locator("#prepared li").allTextContents(), ["Back to the original"]);
    // Four arrows, each as the cosines say.
    for (const square of await page.locator("[data-role=square]").all()) {
      const cosine = async (cell) => Number(await square.locator(`[data-slot=cell-${cell}]`).getAttribute("data-similarity"));
      const [own, cross, other, counter] = await Promise.all(["00", "01", "10", "11"].map(cosine));
      const right = await square.locator("path").evaluateAll((paths) => paths.map((path) => path.dataset.right === "true" && /^M\d+ [\d.]+L/.test(path.getAttribute("d"))));
      assert.deepEqual(right, [own > cross, counter > other, own > other, counter > cross]);
    }
    const link = page.url();
    assert.match(link, /sample=astronaut\.jpg&edit=blue-suit/);
    await page.context().close();

    const other = await open(visit.cpu, link);
    await other.page.waitForSelector("body[data-state=ready] [data-role=square]");
    assert.equal(await other.page.inputValue("#caption-input"), "a blue suit");
    assert.equal(await other.page.locator("#pictures li").count(), 2);
    assert.deepEqual([...problems, ...other.problems], []);
    await other.page.context().close();
  });
});
