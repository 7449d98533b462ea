// The page in browsers that are not Chromium: the game is played, it answers about a photograph, refuses a bad file, and opens without a network.
// Run by ./foil test.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { SAMPLES, folder, site } from "./browser.mjs";
import { start } from "./engines.mjs";

const CAPTION = "a small brown cat on the left";
const ROWS = 'JSON.stringify([...document.querySelectorAll("[data-role=score]")].map(({ dataset }) => [dataset.model, dataset.caption, dataset.similarity, dataset.image]))';
const READY = 'document.body?.dataset.state === "ready"';

for (const engine of ["firefox", "webkit"]) {
  test(`${engine} plays, loads, answers, refuses and works without a network`, async (t) => {
    const server = await site();
    t.after(server.close);
    const temporary = folder();
    t.after(temporary.remove);
    const page = await start(engine, t);
    await page.goto(server.url);
    await page.until('document.querySelector("#game").dataset.phase === "bet"');
    for (const id of ["game-bet-0-0", "game-bet-1-1"]) await page.evaluate(`document.querySelector("#${id}").click()`);
    await page.until('document.querySelector("#game").dataset.phase === "shown"');
    assert.match(await page.text("#game-verdict"), /^True: “.+”\./);
    await page.until(READY);
    assert.equal(await page.evaluate("document.body.dataset.backend"), "cpu");
    await page.until('document.querySelectorAll("#samples li").length === 13');

    const answer = async () => {
      await page.upload([join(SAMPLES, "cat.jpg")]);
      await page.ask(CAPTION);
      await page.until(`${READY} && document.querySelector("[data-role=score]")?.dataset.caption === ${JSON.stringify(CAPTION)} && document.querySelector("[data-role=score]").dataset.image === "cat.jpg"`);
      return JSON.parse(await page.evaluate(ROWS));
    };
    const online = await answer();
    assert.deepEqual([...new Set(online.map(([model]) => model))], ["photo-plain", "photo-hard-negative"]);
    assert.match(await page.text(".verdicts [data-slot=verdict]"), /^picks .+ over .+|^cannot tell/);

    const bad = join(temporary.path, "notes.png");
    writeFileSync(bad, "this is text");
    await page.upload([bad]);
    await page.until('document.querySelector("#status").textContent.includes("notes.png cannot be used: the file is not an image")');

    await page.until("navigator.serviceWorker.controller !== null");
    server.close();
    await page.evaluate("window.before = true");
    // Leaving with pictures open asks, and nobody is here to answer.
    await page.evaluate('document.querySelectorAll("#pictures [data-slot=remove]").forEach((button) => button.click())');
    await page.reload();
    await page.until(`window.before === undefined && ${READY}`);
    assert.deepEqual(await answer(), online);
  });
}
