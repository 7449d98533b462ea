// The guessing game: played with the mouse and with the keyboard, without models, sent on, remembered.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";

import { ROOT, open, visitors } from "./browser.mjs";

const visit = visitors("cpu");
const ROUNDS = JSON.parse(readFileSync(join(ROOT, "assets/game.json"), "utf8"));
const SCORE = /^You guessed (\d+) of 20$/;

/** A page that can be played; models are still on their way. */
async function play(address = "", options = {}) {
  const context = await visit.cpu.newContext({ viewport: { width: 1366, height: 650 }, ...options });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.goto(visit.url + address);
  await page.waitForSelector('#game[data-phase="bet"], #game[data-phase="over"]');
  return { page, context, problems };
}

/** The round on show, of the list that the page was made with. */
async function round(page) {
  const caption = (await page.getAttribute("#game-picture", "alt")).match(/^The picture shows (.*)\.$/)[1];
  const options = await page.$$eval(".tine > :first-child", (words) => words.map((word) => word.textContent));
  const src = await page.getAttribute("#game-picture", "src");
  const found = ROUNDS.find((known) => known.caption === caption && (!known.edit || src.endsWith(`${known.edit}.jpg`)) && options.every((word) => (known.caption + known.foil).includes(word)));
  assert.ok(found, `${caption} with ${options}`);
  return { ...found, options };
}

/** Bets on both models, that each is right (true) or wrong, and returns what was said of each bet. */
async function bet(page, known, bets) {
  for (const [model, isRight] of bets.entries()) {
    const captions = await Promise.all([0, 1].map(async (nth) => (await page.textContent("#game-before")) + known.options[nth] + (await page.textContent("#game-after"))));
    await page.click(`#game-bet-${model}-${captions.indexOf(isRight ? known.caption : known.foil)}`);
  }
  await page.waitForSelector('#game[data-phase="shown"]');
  return page.$$eval(".outcome", (lines) => lines.map((line) => line.dataset.hit === "true"));
}

describe("the game", () => {
  test("is played in ten rounds before any model is there, and every answer is the one that was computed", async () => {
    const { page, context, problems } = await play("", { permissions: ["clipboard-read", "clipboard-write"] });
    let hits = 0;
    const seen = [];
    for (let nth = 1; nth <= 10; nth++) {
      const known = await round(page);
      assert.equal(await page.textContent("#game-number"), `Picture ${nth} of 10${known.edit ? ", an edited photo" : ""}`);
      seen.push(known.picture);
      assert.ok(!(await page.isVisible("#game-reveal")), "nothing is given away");
      const bets = [nth % 2 === 0, nth % 3 === 0];
      const said = await bet(page, known, bets);
      assert.deepEqual(said, bets.map((isRight, model) => isRight === known.ahead[model] > 0));
      hits += said.filter(Boolean).length;
      assert.ok((await page.textContent("#game-verdict")).includes(known.caption.replace(/\.$/, "")));
      await page.click("#game-bet-0-0", { force: true });
      assert.deepEqual(await page.$$eval(".outcome", (lines) => lines.map((line) => line.dataset.hit === "true")), said, "a bet is final");
      const picture = await page.evaluate(() => document.querySelector("#game-picture").decode().then(() => document.querySelector("#game-picture").naturalWidth));
      assert.ok(picture >= 300, known.picture);
      assert.equal(await page.evaluate(() => document.activeElement.id), "game-next");
      await page.keyboard.press("Enter");
    }
    assert.equal(new Set(seen).size, 10, "ten different pictures");
    assert.equal(seen.filter((name) => name.endsWith(".jpg")).length, 6);
    assert.equal(await page.textContent("#game-score"), `You guessed ${hits} of 20`);
    assert.equal(await page.locator('#game-grid [data-hit="hit"]').count(), hits);

    await page.click("#game-copy");
    await page.locator("#game-note", { hasText: "Copied." }).waitFor();
    const [head, ...lines] = (await page.evaluate(() => navigator.clipboard.readText())).split("\n");
    assert.match(head, new RegExp(`^Foil \\d{4}-\\d\\d-\\d\\d: I guessed ${hits} of 20`));
    assert.equal([...lines.slice(0, 2).join("")].filter((square) => square === "🟩").length, hits);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#game-card")]);
    const card = readFileSync(await download.path());
    assert.equal(card.subarray(1, 4).toString(), "PNG");
    assert.deepEqual([card.readUInt32BE(16), card.readUInt32BE(20)], [1200, 630]);

    // The link that was copied leads to the same rounds.
    const other = await play(new URL(lines[2]).hash);
    assert.equal((await round(other.page)).picture, seen[0]);
    await other.context.close();
    assert.deepEqual(problems, []);
    await context.close();
  });

  test("shows edited samples as the models see them, and leads to the same edit", async () => {
    const edited = ROUNDS.filter((known) => known.edit === "blue-suit");
    assert.ok(edited.length > 1);
    const { page, context } = await open(visit.cpu, visit.url, {
      prepare: (page) => page.route("**/game.json", (route) => route.fulfill({ contentType: "application/json", body: JSON.stringify(edited) })),
    });
    const known = await round(page);
    assert.match(await page.getAttribute("#game-picture", "src"), /samples\/edited\/blue-suit\.jpg$/);
    await bet(page, known, [true, true]);
    await page.click("#game-ask");
    const row = (model, caption) => `[data-role="score"][data-model="${model}"][data-caption="${caption}"]`;
    await page.waitForSelector(`body[data-state="ready"] ${row("photo-plain", known.foil)}`);
    assert.match(page.url(), /edit=blue-suit/);
    for (const [nth, model] of ["photo-plain", "photo-hard-negative"].entries()) {
      const [own, foil] = await Promise.all([known.caption, known.foil].map((caption) => page.getAttribute(row(model, caption), "data-similarity").then(Number)));
      assert.ok(Math.abs(own - foil - known.ahead[nth]) < 1e-3, `${model}: ${own - foil} and ${known.ahead[nth]}`);
    }
    await context.close();
  });

  test("is remembered only by those who ask for it", async () => {
    const { page, context } = await play();
    const finish = async () => {
      for (let nth = 0; nth < 10; nth++) {
        await bet(page, await round(page), [true, true]);
        await page.click("#game-next");
      }
      return Number((await page.textContent("#game-score")).match(SCORE)[1]);
    };
    const today = await finish();
    const kept = () => page.evaluate(() => localStorage.getItem("foil-game"));
    assert.equal(await kept(), null);
    await page.check("#game-remember");
    assert.equal(Object.keys(JSON.parse(await kept())).length, 1);
    await page.reload();
    await page.waitForSelector('#game[data-phase="over"]');
    assert.equal(await page.textContent("#game-score"), `You guessed ${today} of 20`);
    await page.click("#game-earlier");
    assert.match(await page.textContent("#game-day"), /^ten pictures from \d{4}/);
    const before = await finish();
    assert.match(await page.textContent("#game-days"), new RegExp(`^2 days played: .* ${Math.max(today, before)} at best`));
    await page.uncheck("#game-remember");
    assert.equal(await kept(), null);
    await context.close();
  });

  test("leads to the models themselves, with picture, caption and foil, also for a scene", async () => {
    const { page, context, problems } = await open(visit.cpu, visit.url);
    for (let nth = 0; nth < 2; nth++) {
      const known = await round(page);
      await bet(page, known, [true, true]);
      await page.click("#game-ask");
      await page.waitForSelector(`body[data-state="ready"] [data-role="score"][data-kind="negative"][data-caption="${known.foil}"]`);
      const [shown] = await page.$$eval('[data-role="score"]', (rows) => rows.map(({ dataset }) => dataset.image));
      assert.ok(known.edit || shown === known.picture, shown);
      const rows = await page.$$eval('[data-role="score"]', (rows) => rows.map(({ dataset }) => ({ ...dataset })));
      const models = [...new Set(rows.map((row) => row.model))];
      for (const [model, name] of models.entries()) {
        const similarity = (caption) => Number(rows.find((row) => row.model === name && row.caption === caption).similarity);
        const ahead = similarity(known.caption) - similarity(known.foil);
        assert.ok(Math.abs(ahead - known.ahead[model]) < 1e-3, `${name}: ${ahead}, not ${known.ahead[model]}`);
      }
      await page.click("#game-next");
    }
    assert.deepEqual(problems, []);
    await context.close();
  });

  test("fits a phone and can be played without a network", async () => {
    const { page, context } = await open(visit.cpu, visit.url, { viewport: { width: 320, height: 640 } });
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.reload();
    await page.waitForSelector('body[data-state="ready"]');
    await context.setOffline(true);
    await page.reload();
    await page.waitForSelector('#game[data-phase="bet"]');
    for (let nth = 0; nth < 10; nth++) {
      await bet(page, await round(page), [false, false]);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${overflow} px too wide in round ${nth + 1}`);
      await page.click("#game-next");
    }
    assert.match(await page.textContent("#game-score"), SCORE);
    await context.close();
  });
});
