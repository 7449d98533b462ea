// What travels in a link, the pages that show a sample where links are shown, and foils that are true.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";

import { ROOT, SAMPLES, compare, open, rows, visitors } from "./browser.mjs";

const visit = visitors("cpu");

/** The link that the page copies, and what it says of it. */
async function copied(page) {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.click("#copy-link");
  await page.locator("#share-note", { hasText: "copied" }).waitFor();
  return [await page.evaluate(() => navigator.clipboard.readText()), await page.textContent("#share-note")];
}

const answered = (page, caption) => page.waitForSelector(`body[data-state="ready"] [data-role="score"][data-kind="caption"][data-caption="${caption}"]`);

describe("a picture of one's own", () => {
  test("is in the link only if the visitor says so, and whoever opens the link sees and asks about it", async () => {
    const { page, context, problems } = await open(visit.cpu, visit.url);
    await page.setInputFiles("#image-input", { name: "mine.jpg", mimeType: "image/jpeg", buffer: readFileSync(join(SAMPLES, "coffee.jpg")) });
    const mine = await compare(page, "a red cup on a table");
    assert.ok(!(await copied(page))[0].includes("picture="));
    const steps = await page.evaluate(() => history.length);
    await page.check("#link-picture");
    await page.locator("#share-note", { hasText: "Whoever has the link can see it" }).waitFor();
    const [link, said] = await copied(page);
    assert.match(said, /a small copy of your picture \([\d,]+ characters\)/);
    assert.ok(link.length < 30_000, `${link.length} characters`);
    await page.uncheck("#link-picture");
    await page.waitForFunction(() => !location.hash.includes("picture="));
    assert.equal(await page.evaluate(() => history.length), steps, "the way back leads to earlier questions");

    const other = await open(visit.cpu, link);
    await answered(other.page, "a red cup on a table");
    assert.equal(await other.page.textContent("#current-name"), "picture from a link");
    const size = await other.page.$eval("#current-picture", (image) => [image.naturalWidth, image.naturalHeight]);
    assert.equal(Math.max(...size), 256);
    const theirs = await rows(other.page);
    assert.equal(theirs.length, mine.length);
    for (const [nth, row] of theirs.entries()) assert.ok(Math.abs(row.similarity - mine.find((own) => own.model === row.model && own.caption === row.caption).similarity) < 0.1, `row ${nth}`);
    // It is one picture however often the link is followed, and the address goes on to hold it.
    assert.ok(other.page.url().includes("picture="));
    await compare(other.page, "a green cup on a table");
    await other.page.goBack();
    await answered(other.page, "a red cup on a table");
    assert.equal(await other.page.locator("#pictures li").count(), 1);
    assert.deepEqual([...problems, ...other.problems], []);
    await context.close();
    await other.context.close();
  });

  test("that a link holds in part only is said to be damaged", async () => {
    const { page, context, problems } = await open(visit.cpu, `${visit.url}#caption=a+cup&picture=_9j_4AAQ*`);
    await page.locator("#caption-note", { hasText: "The picture in this link is damaged" }).waitFor();
    assert.equal(await page.inputValue("#caption-input"), "a cup", "the question is there for another picture");
    await page.goto(`${visit.url}#caption=a+cup&picture=_9j_4AAQ`);
    await page.locator("#status", { hasText: "cannot be used" }).waitFor();
    assert.deepEqual(problems, []);
    await context.close();
  });
});

describe("a sample", () => {
  test("has a page with its picture for sites that show links, which leads to the question", async () => {
    const { page, context } = await open(visit.cpu, visit.url);
    await page.click('#samples button[title="an orange flower in front of green leaves"]');
    await compare(page, "an orange flower");
    const [link] = await copied(page);
    assert.match(link, /\/s\/flower\.html#.*caption=an\+orange\+flower/);
    await page.click('#prepared [data-edit="one-flower"]');
    await page.waitForSelector('body[data-state="ready"] [data-role="square"]');
    assert.match((await copied(page))[0], /\/s\/one-flower\.html#/);
    await context.close();

    const other = await open(visit.cpu, link);
    await answered(other.page, "an orange flower");
    assert.ok(!other.page.url().includes("/s/"));
    await other.page.goto(`${visit.url}s/scene-color-1.html`);
    await other.page.waitForSelector('body[data-state="ready"] [data-role="score"][data-image="scene color 1"]');
    await other.context.close();

    const pages = readdirSync(join(ROOT, "dist/s"));
    assert.ok(pages.length > 20);
    for (const name of pages) {
      const html = readFileSync(join(ROOT, "dist/s", name), "utf8");
      const [, image] = html.match(/property="og:image" content="\.\.\/(.*)"/);
      assert.ok(readFileSync(join(ROOT, "dist", image)).length > 1000, image);
    }
  });
});

describe("a foil", () => {
  test("that is true of the picture is left out and counted again as the visitor says", async () => {
    const { page, context, problems } = await open(visit.cpu, visit.url);
    await page.setInputFiles("#image-input", join(SAMPLES, "coffee.jpg"));
    const before = await compare(page, "a red cup on a table");
    const foil = before.find((row) => row.kind === "negative");
    await page.locator(`[data-role="score"][data-caption="${foil.caption}"] [data-slot="also-true"]`).first().click();
    await page.locator("#true-foils-count", { hasText: "1 foil left out" }).waitFor();
    const after = await rows(page);
    assert.equal(after.length, before.length - 2, "of both models");
    assert.ok(after.every((row) => row.caption !== foil.caption));
    for (const model of ["photo-plain", "photo-hard-negative"]) {
      const whole = after.filter((row) => row.model === model).reduce((sum, row) => sum + row.probability, 0);
      assert.ok(Math.abs(whole - 1) < 1e-4, `${whole}`);
    }
    // Asked anew, it stays out.
    assert.equal((await compare(page, "a red cup on a table")).length, after.length);
    await page.click("#count-again");
    await page.waitForFunction((count) => document.querySelectorAll('[data-role="score"]').length === count, before.length);
    assert.ok(!(await page.isVisible("#true-foils")));
    assert.deepEqual(problems, []);
    await context.close();
  });
});
