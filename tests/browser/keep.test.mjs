// What the page promises besides answers: nothing leaves the device, it opens without a network, everybody can use it, and what
// is found can be passed on. Run by ./foil test.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, test } from "node:test";

import { ROOT, SAMPLES, ask, compare, folder, open, paint, rows, site, trainer, visitors } from "./browser.mjs";

const CAPTION = "a small brown cat on the left";
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const visit = visitors("cpu");

const upload = (page, name) => page.setInputFiles("#image-input", join(SAMPLES, name));

describe("privacy", () => {
  test("nothing is asked of any other site, and the policy would not let it", async () => {
    const asked = [];
    const other = await site();
    const { page, problems } = await open(visit.cpu, visit.url, {
      prepare: (page) => page.context().on("request", (request) => asked.push(request.url())),
    });
    await upload(page, "cat.jpg");
    await compare(page, CAPTION);
    await page.check("#set-scenes", { force: true });
    await page.waitForSelector('[data-role="score"][data-model="scene-hard-negative"]');
    assert.ok(asked.length > 10);
    assert.deepEqual(asked.filter((url) => !url.startsWith(visit.url) && !url.startsWith("blob:")), []);
    assert.deepEqual(problems, []);
    const outcome = (url) => page.evaluate((url) => fetch(url, { mode: "no-cors" }).then(() => "fetched", () => "refused"), url);
    assert.equal(await outcome(`${visit.url}bundles.json`), "fetched");
    assert.equal(await outcome(`${other.url}bundles.json`), "refused");
    const [engine] = page.workers();
    const inEngine = (url) => engine.evaluate((url) => fetch(url, { mode: "no-cors" }).then(() => "fetched", () => "refused"), url);
    assert.equal(await inEngine(`${visit.url}bundles.json`), "fetched");
    assert.equal(await inEngine(`${other.url}bundles.json`), "refused", "the worker, which holds the pictures");
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

describe("the texts beside the page", () => {
  test("are there to read, without the signs of Markdown", async () => {
    for (const [name, says] of [["readme.txt", "Two commands\n------------"], ["photo-models.txt", "image tower"], ["license.txt", "Apache"], ["notice.txt", "Foil"]]) {
      const text = await (await fetch(`${visit.url}${name}`)).text();
      assert.ok(text.includes(says), name);
      assert.doesNotMatch(text, /\]\(|\*\*|```|^#+ |^\|/m, name);
    }
  });
});

describe("without a network", () => {
  test("the second visit opens, loads its models and answers", async () => {
    const { page, context } = await open(visit.cpu, visit.url);
    await upload(page, "cat.jpg");
    const online = await compare(page, CAPTION);
    await page.evaluate(() => navigator.serviceWorker.ready);
    await context.setOffline(true);
    await page.reload();
    await page.waitForSelector('body[data-state="ready"]');
    await upload(page, "cat.jpg");
    assert.deepEqual(await compare(page, CAPTION), online);
    assert.equal(await page.locator("#samples li").count(), 13);
    await context.close();
  });
});

describe("a newcomer", () => {
  test("sees an answer to a challenge before the models have come, and it is the one they give", async () => {
    let release;
    const held = new Promise((resolve) => (release = resolve));
    // A service worker that takes over early, on a busy machine, would fetch past the route below.
    const context = await visit.cpu.newContext({ viewport: { width: 1280, height: 1400 }, serviceWorkers: "block" });
    const page = await context.newPage();
    await page.route("**/photo-*.safetensors*", async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(visit.url);
    const links = page.locator(".challenges a");
    assert.equal(await links.count(), 4);
    const before = [];
    for (let nth = 0; nth < 4; nth++) {
      await links.nth(nth).click();
      const caption = new URLSearchParams(new URL(await links.nth(nth).getAttribute("href"), visit.url).hash.slice(1)).get("caption");
      await page.waitForSelector(`[data-role="score"][data-kind="caption"][data-caption="${caption}"]`);
      before.push(await rows(page));
    }
    assert.equal(await page.getAttribute("body", "data-state"), "loading");
    assert.match(await page.textContent("#results-note"), /Saved answer. The live models/);
    release();
    await page.waitForSelector('body[data-state="ready"]');
    assert.match(await page.textContent("#results-note"), /Saved answer, computed when this page was built/);
    for (let nth = 3; nth >= 0; nth--) {
      await links.nth(nth).click();
      assert.equal(await page.inputValue("#caption-input"), before[nth][0].caption);
      const live = await ask(page);
      assert.deepEqual(live.map((row) => [row.model, row.caption]), before[nth].map((row) => [row.model, row.caption]), "run tests/browser/challenges.mjs");
      live.forEach((row, idx) => assert.ok(Math.abs(row.similarity - before[nth][idx].similarity) < 1e-3, row.caption));
    }
    assert.equal(await page.textContent("#results-note"), "");
    await context.close();
  });

  test("picks a challenge, opens a photograph, changes it, reads the square and passes the link on", async () => {
    const { page, problems } = await open(visit.cpu, visit.url);
    await page.click(".challenges li:first-child a");
    await page.waitForSelector('body[data-state="ready"] [data-role="score"]');
    await upload(page, "coffee.jpg");
    await compare(page, "a red cup on a brown table");
    await page.click("#editor summary");
    await paint(page, [0.5, 0.72], [0.35, 0.6]);
    await page.locator("#edit-note", { hasText: "Selected" }).waitFor();
    await page.selectOption("#edit-color", "green");
    await page.click("#apply-edit");
    await page.waitForSelector('body[data-state="ready"] [data-role="square"]');
    assert.equal(await page.inputValue("#caption-input"), "a green cup on a brown table");
    assert.equal(await page.locator('[data-slot="lines"] li').count(), 6, "three judgements of two models");
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.click("#copy-link");
    await page.locator("#share-note", { hasText: "copied" }).waitFor();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(link, /caption=a\+green\+cup/);
    assert.deepEqual(problems, []);
    await page.context().close();
  });

  test("sees where the models look, cell by cell and word by word", async () => {
    const { page } = await open(visit.cpu, visit.url);
    await page.click(".challenges li:nth-child(2) a");
    await page.waitForSelector('body[data-state="ready"] [data-role="score"]');
    await page.click("#look summary");
    assert.equal(await page.inputValue("#look-foil"), "a blue suit", "the foil that was asked about");
    const whole = () => page.waitForFunction(() => document.querySelector("#look-summary").textContent.startsWith("Most help: "));
    await whole();
    const shares = () => page.$$eval("#relevance [data-cell]", (cells) => cells.map((cell) => Number(cell.style.getPropertyValue("--share"))));
    const plain = await shares();
    assert.equal(plain.length, 49);
    assert.equal(Math.max(...plain), 1);
    // Taking the flag away says less about the color of the suit than taking a part of the suit away.
    const suit = [29, 30, 36, 37, 43].map((cell) => plain[cell]);
    assert.ok(Math.max(...suit) > plain[0], `suit ${suit}, corner ${plain[0]}`);
    assert.ok((await page.locator("#look-words li").count()) === 3);
    await page.selectOption("#look-model", "photo-hard-negative");
    await whole();
    assert.notDeepEqual(await shares(), plain);
    await page.focus("#relevance");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    assert.match(await page.textContent("#look-cell"), /Row 2, column 2/);
    await page.context().close();
  });

  test("compares many pictures with many captions, sorts them, and keeps score", async () => {
    const { page } = await open(visit.cpu, visit.url);
    await page.setInputFiles("#image-input", ["cat", "coffee", "rocket"].map((name) => join(SAMPLES, `${name}.jpg`)));
    for (const [nth, caption] of ["a small brown cat", "a white cup on a table", "a tall white rocket"].entries()) {
      await page.locator('#pictures [data-slot="pick"]').nth(nth).click();
      await compare(page, caption);
    }
    await page.click("#ask-all");
    await page.waitForSelector('body[data-state="ready"] [data-role="matrix-cell"]');
    const grid = () => page.$$eval("#matrix-body tr", (rows) => rows.map((row) => [row.querySelector("[data-slot=name]").textContent, ...[...row.querySelectorAll("td")].map((cell) => Number(cell.dataset.similarity))]));
    assert.deepEqual((await grid()).map(([name, ...numbers]) => [name, numbers.length]), [["cat.jpg", 3], ["coffee.jpg", 3], ["rocket.jpg", 3]]);
    await page.click('#matrix-head [data-column="2"]');
    const sorted = await grid();
    assert.ok(sorted[0][3] > sorted[1][3] && sorted[1][3] > sorted[2][3]);
    const score = () => page.$$eval("#scorecard-shares li", (rows) => rows.map((row) => row.textContent.replace(/\s+/g, " ")));
    const once = await score();
    assert.ok(once.length >= 4, "a row a concept and model");
    assert.ok(once.every((row) => /\d of \d/.test(row)), once.join("\n"));
    await compare(page, "a tall white rocket");
    assert.deepEqual(await score(), once, "asking again does not count twice");
    await page.context().close();
  });

  test("collects a case that the trainer evaluates to the same answer", async () => {
    const { page } = await open(visit.cpu, visit.url);
    await page.waitForFunction(() => document.querySelectorAll("#samples li").length === 13);
    await page.click("#samples li:nth-child(8) button");
    await page.waitForSelector('body[data-state="ready"] [data-role="square"]');
    await page.click("#keep-case");
    await page.click("#keep-case");
    await page.locator("#save-cases", { hasText: "1 case" }).waitFor();
    await page.reload();
    await page.locator("#save-cases", { hasText: "1 case" }).waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save-cases")]);
    assert.equal(download.suggestedFilename(), "challenge-set.parquet");
    const set = folder();
    await download.saveAs(join(set.path, "challenge-set.parquet"));
    for (const model of ["scene-plain", "scene-hard-negative"]) {
      const report = join(set.path, `${model}.json`);
      trainer("evaluate", "--bundle", join(ROOT, `assets/${model}.safetensors`), "--benchmark", "inpaint-coco", "--data", set.path, "--device", "cpu", "--quiet", "--json", report);
      const measured = groupScore(JSON.parse(readFileSync(report, "utf8")));
      const shown = await page.getAttribute(`[data-role="square"][data-model="${model}"]`, "data-group");
      assert.equal(measured, shown === "true" ? 1 : 0, model);
    }
    set.remove();
    page.on("dialog", (dialog) => dialog.accept());
    await page.click("#discard-cases");
    await page.locator("#share-note", { hasText: "All saved cases are deleted" }).waitFor();
    assert.ok(!(await page.isVisible("#save-cases")));
    await page.context().close();
  });

  test("with a photograph of twelve megapixels the page never stops listening", async () => {
    const { page } = await open(visit.cpu, visit.url);
    await page.evaluate(() => {
      window.longest = 0;
      new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => (window.longest = Math.max(window.longest, duration)))).observe({ type: "longtask" });
    });
    await page.setInputFiles("#image-input", { name: "large.jpg", mimeType: "image/jpeg", buffer: await largePhotograph(page) });
    await compare(page, "a red ball on a green field");
    await page.click("#editor summary");
    await page.evaluate(() => (window.longest = 0));
    // From the end of the stroke until the selection is shown.
    const dab = async (x, y) => {
      const shown = page.evaluate(
        () =>
          new Promise((resolve) => {
            let begun;
            document.querySelector("#paint").addEventListener("pointerup", () => (begun = performance.now()), { once: true, capture: true });
            const seen = new MutationObserver(() => begun && resolve(performance.now() - begun));
            seen.observe(document.querySelector("#selection"), { attributes: true, attributeFilter: ["src"] });
          }),
      );
      await paint(page, [x, y], [x, y]);
      return shown;
    };
    const first = await dab(0.5, 0.5);
    const later = await dab(0.52, 0.5);
    assert.match(await page.textContent("#edit-note"), /mostly red/);
    const begun = Date.now();
    await page.click("#apply-edit");
    await page.locator("#current-name", { hasText: "red made blue" }).waitFor();
    const rendered = Date.now() - begun;
    await page.waitForSelector('body[data-state="ready"] [data-role="square"]');
    const longest = await page.evaluate(() => window.longest);
    console.log(`# 12 megapixels: first stroke ${first.toFixed(0)} ms, later ${later.toFixed(0)} ms, recolored in ${rendered} ms, longest task of the page ${longest.toFixed(0)} ms`);
    // A task of the page this long would be work that belongs into the engine.
    assert.ok(longest < 1000, `the page was busy for ${longest} ms`);
    await page.context().close();
  });
});

/** A red ball on a green field, 4000 by 3000 pixels. */
async function largePhotograph(page) {
  const base64 = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(4000, 3000);
    const context = canvas.getContext("2d");
    context.fillStyle = "#3f8a3f";
    context.fillRect(0, 0, 4000, 3000);
    context.fillStyle = "#c01818";
    context.beginPath();
    context.arc(2000, 1500, 700, 0, 7);
    context.fill();
    const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/jpeg" })).arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  });
  return Buffer.from(base64, "base64");
}

/** The group score in an evaluation report. */
function groupScore(report) {
  return report.models[0].rows.find((row) => row.measure === "group").share;
}

describe("everybody", () => {
  for (const [where, viewport] of [["desktop", { width: 1280, height: 900 }], ["phone", { width: 390, height: 844 }]]) {
    for (const colorScheme of ["light", "dark"]) {
      test(`axe finds nothing on a ${where} in the ${colorScheme}`, async () => {
        const { page } = await open(visit.cpu, visit.url, { viewport, prepare: (page) => page.emulateMedia({ colorScheme }) });
        await page.waitForFunction(() => document.querySelectorAll("#samples li").length === 13);
        await page.click("#samples li:nth-child(9) button");
        await page.waitForSelector('body[data-state="ready"] [data-role="square"]');
        await page.click("#editor summary");
        await page.click("#survey-run");
        await page.locator("#survey-count", { hasText: "2 of 2" }).waitFor();
        await page.click("#game-bet-0-0");
        await page.click("#game-bet-1-1");
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
    const { page } = await open(visit.cpu, visit.url);
    await page.waitForFunction(() => document.querySelectorAll("#samples li").length === 13);
    await page.click("#samples li:nth-child(2) button");
    await compare(page, "a woman in a red suit & a flag");
    const before = await rows(page);
    const link = page.url();
    const { page: other } = await open(visit.cpu, link);
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
    const { page, problems } = await open(visit.cpu, `${visit.url}#caption=%E0%A4%A&sample=<img src=x onerror=alert(1)>&models=none`);
    assert.equal(await page.getAttribute("body", "data-state"), "ready");
    assert.deepEqual(problems, []);
    await page.context().close();
  });

  test("two hundred addresses made of pieces, one after the other, harm nothing", async () => {
    const { page, problems } = await open(visit.cpu, visit.url);
    await page.waitForFunction(() => document.querySelectorAll("#samples li").length === 13);
    const followed = await page.evaluate(async () => {
      let state = 1;
      const below = (n) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return (state >>> 8) % n;
      };
      const pieces = [
        "caption=", "caption=", "sample=", "models=", "&", "&", "#", "?", "%", "%E0%A4", "%00", "=", "+", ";", "..", "__proto__",
        "<img src=x onerror=window.hurt=1>", "javascript:", "a red car left of a small dog", "scenes", "scene color 1", "scene color 99999999999", "coffee.jpg",
        "\u202e", "\ud83d", "🚗", "ﬁ", "a\u0301".repeat(300), "red ".repeat(500), "x".repeat(5000),
      ];
      let followed = 0;
      addEventListener("hashchange", () => followed++);
      for (let nth = 0; nth < 200; nth++) {
        location.hash = Array.from({ length: 1 + below(8) }, () => pieces[below(pieces.length)]).join("");
        await new Promise((done) => setTimeout(done));
      }
      return followed;
    });
    assert.ok(followed > 150, `${followed} were followed`);
    await page.evaluate((models) => (location.hash = `models=${models}`), "photographs");
    await page.waitForSelector('body[data-state="ready"]');
    await upload(page, "cat.jpg");
    assert.ok((await compare(page, CAPTION)).length > 1);
    assert.equal(await page.evaluate(() => window.hurt), undefined);
    assert.deepEqual(problems, []);
    await page.context().close();
  });

  test("answers are saved as JSON, CSV and a picture", async () => {
    const { page } = await open(visit.cpu, visit.url);
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
