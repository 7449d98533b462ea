// Many pictures at once, and the camera.
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { SAMPLES, folder, launch, largestDifference, nativeScores, open, trainer, visitors } from "./browser.mjs";

const visit = visitors("cpu");
const CAPTIONS = {
  "cat.jpg": "a brown cat with green eyes",
  "coffee.jpg": "a spoon next to a red cup",
  "pagoda.jpg": "a red building on the left",
};

describe("a folder of pictures", () => {
  let set;
  before(() => {
    set = folder();
    for (const name of Object.keys(CAPTIONS)) copyFileSync(join(SAMPLES, name), join(set.path, name));
    writeFileSync(join(set.path, "captions.csv"), `image,caption\n${Object.entries(CAPTIONS).map(([name, caption]) => `photos/${name},"${caption}"`).join("\n")}\n`);
    writeFileSync(join(set.path, "broken.jpg"), "no picture");
    writeFileSync(join(set.path, "broken.txt"), "a red car");
  });
  after(() => set.remove());

  const chosen = (...names) => names.map((name) => join(set.path, name));
  const finished = (page, n) => page.locator("#survey-count", { hasText: n }).waitFor();

  test("with captions is scored like one picture after the other, and its misses are listed", async () => {
    const { page, context, problems } = await open(visit.cpu, visit.url);
    await page.setInputFiles("#image-input", chosen("captions.csv", ...Object.keys(CAPTIONS), "broken.jpg", "broken.txt"));
    await finished(page, "3 of 4 pictures scored. 1 could not be read.");
    assert.match(await page.textContent("#survey-note"), /^4 pictures opened, 4 with a caption\.$/);

    // Every number is the trainer's.
    const [saved] = await Promise.all([page.waitForEvent("download"), page.click("#survey-json")]);
    const report = JSON.parse(readFileSync(await saved.path(), "utf8"));
    assert.deepEqual(report.map((item) => item.image ?? item.picture).sort(), Object.keys(CAPTIONS));
    const coffee = report.find((item) => JSON.stringify(item).includes("coffee.jpg"));
    const rows = coffee.answers.flatMap(({ model, scores }) => scores.map((score) => ({ ...score, concept: score.concept ?? "", model })));
    const native = nativeScores(join(SAMPLES, "../photo-plain.safetensors"), join(SAMPLES, "coffee.jpg"), CAPTIONS["coffee.jpg"]);
    assert.ok(largestDifference(rows, "photo-plain", native) < 1e-3);

    const [table] = await Promise.all([page.waitForEvent("download"), page.click("#survey-csv")]);
    const lines = readFileSync(await table.path(), "utf8").trim().split("\n").map((line) => line.split(","));
    const missed = (model) => lines.filter((line) => line[1] === model && line.at(-1).trim() === "0");
    for (const model of ["photo-plain", "photo-hard-negative"]) {
      await page.selectOption("#survey-model", model);
      const listed = await page.locator("#misses li").count();
      assert.equal(listed, missed(model).length, model);
      const shares = await page.$$eval(`#survey-shares [data-model="${model}"]`, (rows) => rows.map((row) => row.querySelector("[data-slot=count]").textContent.match(/(\d+) of (\d+)/).slice(1).map(Number)));
      const hits = shares.reduce((sum, [hits]) => sum + hits, 0);
      const all = shares.reduce((sum, [, n]) => sum + n, 0);
      assert.equal(all - hits, listed, "what is no hit is a miss");
    }
    // The misses are a test set that the trainer reads, and a report that shows them.
    const [misses] = await Promise.all([page.waitForEvent("download"), page.click("#survey-tsv")]);
    await misses.saveAs(join(set.path, "misses.tsv"));
    const printed = trainer("evaluate", "--bundle", join(SAMPLES, "../photo-plain.safetensors"), "--benchmark", "negclip", "--data", join(set.path, "misses.tsv"), "--images", set.path, "--allow-leakage", "--json", join(set.path, "report.json"), "--device", "cpu");
    const whole = JSON.parse(readFileSync(join(set.path, "report.json"), "utf8")).models[0].rows[0];
    assert.ok(whole.n > 0 && whole.share < 1, printed);
    const [savedReport] = await Promise.all([page.waitForEvent("download"), page.click("#survey-report")]);
    const html = readFileSync(await savedReport.path(), "utf8");
    assert.match(html, /What the models get wrong in 3 pictures/);
    assert.equal(html.match(/<li>/g).length, ["photo-plain", "photo-hard-negative"].flatMap(missed).length);
    assert.match(html, /src="data:image\/jpeg;base64,/);

    const leads = await page.$$eval("#misses [data-slot=ahead]", (items) => items.map((item) => parseFloat(item.textContent)));
    assert.ok(leads.length > 1 && leads.every((lead, nth) => nth === 0 || lead <= leads[nth - 1]), `${leads}`);

    // A miss leads to its picture, with the foil that won.
    const [caption, foil] = await Promise.all(["caption", "foil"].map((name) => page.locator("#misses li").first().locator(`[data-slot=${name}]`).textContent()));
    await page.locator("#misses li button").first().click();
    await page.waitForSelector(`body[data-state="ready"] [data-role="score"][data-caption="${caption}"]`);
    assert.equal(await page.inputValue("#foil-input"), foil);

    // A foil that is true of it after all is no miss any more.
    const before = await page.locator("#misses li").count();
    await page.locator(`[data-role="score"][data-caption="${foil}"] [data-slot="also-true"]`).first().click();
    const listed = await page.$$eval("#misses li", (items) => items.map((item) => item.querySelector("[data-slot=foil]").textContent));
    assert.ok(!listed.includes(foil) && listed.length <= before, `${listed}`);
    assert.equal(await page.inputValue("#foil-input"), "");
    await page.click("#count-again");
    await page.waitForFunction((foil) => [...document.querySelectorAll("#misses [data-slot=foil]")].some((item) => item.textContent === foil), foil);
    assert.deepEqual(problems, []);
    await context.close();
  });

  test("without captions says what is missing, and names of files will do", async () => {
    const { page, context } = await open(visit.cpu, visit.url);
    await page.setInputFiles("#image-input", chosen("cat.jpg", "coffee.jpg"));
    await page.click("#survey-run");
    await page.locator("#survey-note", { hasText: "No picture has a caption yet" }).waitFor();
    await page.fill("#survey-caption", "a brown animal");
    await page.click("#survey-run");
    await finished(page, "2 of 2 pictures scored.");
    await page.setInputFiles("#image-input", ["a_red_cup-1.jpg", "brown-cat.jpg"].map((name, nth) => ({ name, mimeType: "image/jpeg", buffer: readFileSync(join(SAMPLES, ["coffee.jpg", "cat.jpg"][nth])) })));
    await finished(page, "4 of 4 pictures scored.");
    assert.match(await page.textContent("#survey-note"), /2 say what they show in their file names/);
    await page.setInputFiles("#image-input", chosen("captions.csv"));
    await page.locator("#status", { hasText: "Captions need their pictures" }).waitFor();
    await context.close();
  });
});

describe("the camera", () => {
  test("is asked only when it is wanted, and each model picks a word of every frame", async (t) => {
    // Chromium's own: a green picture with a yellow pie.
    const browser = await launch({ webgpu: false, more: ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"] }, t);
    const { page, problems } = await open(browser, visit.url);
    assert.equal(await page.evaluate(() => document.querySelector("video").srcObject), null);
    await page.click("#camera-start");
    await page.waitForSelector('[data-role="camera"]');
    const words = () => page.$$eval('[data-role="camera"]', (items) => items.map(({ dataset }) => dataset.word));
    const colors = await words();
    assert.equal(colors.length, 2);
    assert.ok(colors.every((word) => /^(red|orange|yellow|green|blue|purple|pink|brown|black|white|gray)$/.test(word)), `${colors}`);
    await page.fill("#camera-caption", "a dog on the left");
    await page.waitForFunction((colors) => [...document.querySelectorAll('[data-role="camera"]')].some(({ dataset }) => !colors.includes(dataset.word)), colors);
    await page.fill("#camera-caption", "hm");
    await page.locator("#camera-note", { hasText: "finds no color" }).waitFor();
    await page.fill("#camera-caption", "a green wall");
    await page.waitForFunction(() => document.querySelector("#camera-note").textContent === "");
    await page.waitForSelector('[data-role="camera"][data-word="green"]');
    await page.click("#camera-stop");
    assert.ok(!(await page.isVisible("#camera")));
    assert.equal(await page.evaluate(() => document.querySelector("video").srcObject), null);
    assert.deepEqual(problems, []);
  });

  test("that is not there is said", async () => {
    const { page, context } = await open(visit.cpu, visit.url);
    await page.click("#camera-start");
    await page.locator("#image-ways", { hasText: "No camera" }).waitFor();
    await context.close();
  });
});
