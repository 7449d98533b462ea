// What the page promises besides answers: nothing leaves the device, it opens without a network, everybody can use it, and what
// is found can be passed on. Run by ./foil test.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { SAMPLES, compare, launch, open, rows, site } from "./browser.mjs";

const CAPTION = "a small brown cat on the left";
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let server;
let browser;

before(async () => {
  server = await site();
  browser = await launch({ webgpu: false });
});

after(async () => {
  await browser?.close();
  server?.close();
});

const upload = (page, name) => page.setInputFiles("#image-input", join(SAMPLES, name));

describe("privacy", () => {
  test("nothing is asked of any other site, and the policy would not let it", async () => {
    const asked = [];
    const other = await site();
    const { page, problems } = await open(browser, server.url, {
      prepare: (page) => page.context().on("request", (request) => asked.push(request.url())),
    });
    await upload(page, "cat.jpg");
    await compare(page, CAPTION);
    await page.check("#set-scenes", { force: true });
    await page.waitForSelector('[data-role="score"][data-model="scene-hard-negative"]');
    assert.ok(asked.length > 10);
    assert.deepEqual(asked.filter((url) => !url.startsWith(server.url) && !url.startsWith("blob:")), []);
    assert.deepEqual(problems, []);
    const outcome = (url) => page.evaluate((url) => fetch(url, { mode: "no-cors" }).then(() => "fetched", () => "refused"), url);
    assert.equal(await outcome(`${server.url}bundles.json`), "fetched");
    assert.equal(await outcome(`${other.url}bundles.json`), "refused");
    const script = await page.evaluate(() => {
      const element = document.createElement("script");
      element.textContent = "window.broken = true";
      document.head.append(element);
      return window.broken === true;
    });
    assert.equal(script, false, "an inline script of somebody else's");
    await page.context().close();
    other.close();
  });
});

describe("without a network", () => {
  test("the second visit opens, loads its models and answers", async () => {
    const { page, context } = await open(browser, server.url);
    await upload(page, "cat.jpg");
    const online = await compare(page, CAPTION);
    await page.evaluate(() => navigator.serviceWorker.ready);
    await context.setOffline(true);
    await page.reload();
    await page.waitForSelector('body[data-state="ready"]');
    await upload(page, "cat.jpg");
    assert.deepEqual(await compare(page, CAPTION), online);
    assert.equal(await page.locator("#samples li").count(), 10);
    await context.close();
  });
});

describe("everybody", () => {
  for (const [where, viewport] of [["desktop", { width: 1280, height: 900 }], ["phone", { width: 390, height: 844 }]]) {
    for (const colorScheme of ["light", "dark"]) {
      test(`axe finds nothing on a ${where} in the ${colorScheme}`, async () => {
        const { page } = await open(browser, server.url, { viewport, prepare: (page) => page.emulateMedia({ colorScheme }) });
        await page.waitForFunction(() => document.querySelectorAll("#samples li").length === 10);
        await page.click("#samples li:nth-child(6) button");
        await page.waitForSelector('body[data-state="ready"] [data-role="square"]');
        await page.click("#editor summary");
        await page.evaluate(AXE);
        const violations = await page.evaluate(async () =>
          (await window.axe.run()).violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map((node) => node.html.slice(0, 200)) })),
        );
        assert.deepEqual(violations, []);
        await page.context().close();
      });
    }
  }
});

describe("passing on", () => {
  test("a link brings back the caption, the sample and the models, and never a picture", async () => {
    const { page } = await open(browser, server.url);
    await page.waitForFunction(() => document.querySelectorAll("#samples li").length === 10);
    await page.click("#samples li:nth-child(2) button");
    await compare(page, "a woman in a red suit & a flag");
    const before = await rows(page);
    const link = page.url();
    const { page: other } = await open(browser, link);
    await other.waitForSelector('body[data-state="ready"] [data-role="score"]');
    assert.equal(await other.inputValue("#caption-input"), "a woman in a red suit & a flag");
    assert.deepEqual(await rows(other), before);
    await other.context().close();
    await upload(page, "cat.jpg");
    await compare(page, CAPTION);
    assert.doesNotMatch(page.url(), /sample|jpg|blob/);
    await page.context().close();
  });

  test("rubbish in the address harms nothing", async () => {
    const { page, problems } = await open(browser, `${server.url}#caption=%E0%A4%A&sample=<img src=x onerror=alert(1)>&models=none`);
    assert.equal(await page.getAttribute("body", "data-state"), "ready");
    assert.deepEqual(problems, []);
    await page.context().close();
  });

  test("answers are saved as JSON, CSV and a picture", async () => {
    const { page } = await open(browser, server.url);
    await upload(page, "cat.jpg");
    const scored = await compare(page, CAPTION);
    const saved = async (button) => {
      const [download] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
      return readFileSync(await download.path());
    };
    const json = JSON.parse(await saved("#save-json"));
    assert.equal(json.image, "cat.jpg");
    assert.equal(json.answers.flatMap(({ scores }) => scores).length, scored.length);
    for (const { model, scores } of json.answers) {
      for (const { caption, similarity } of scores) {
        const row = scored.find((row) => row.model === model && row.caption === caption);
        assert.ok(Math.abs(row.similarity - similarity) < 1e-6, caption);
      }
    }
    const csv = (await saved("#save-csv")).toString().trimEnd().split("\r\n");
    assert.equal(csv.length, 1 + scored.length);
    assert.equal(csv[0], "image,model,kind,concept,caption,similarity,probability");
    const card = await saved("#save-card");
    assert.equal(card.subarray(1, 4).toString(), "PNG");
    assert.deepEqual([card.readUInt32BE(16), card.readUInt32BE(20)], [1200, 630]);
    await page.context().close();
  });
});
