// A visitor opens published models: by their files, their folder, or beside the page's own.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { ROOT, SAMPLES, compare, folder, largestDifference, launch, nativeScores, open, rows, site, trainer } from "./browser.mjs";
import { withBundles } from "./serve.mjs";

const CAPTION = "a small brown cat on the left";
const GOLDEN = join(ROOT, "tests/golden");
const IMAGE = join(SAMPLES, "cat.jpg");

const work = folder();
const at = (name) => join(work.path, name);
// Folders as both libraries save models, without what the tests compare with.
const MODELS = { siglip: "siglip/transformers", "siglip-2": "siglip/transformers_2", clip: "clip/transformers", "open-clip": "clip/open_clip" };
let browser;
let server;

before(async () => {
  for (const [name, golden] of Object.entries(MODELS)) {
    cpSync(join(GOLDEN, golden), at(name), { recursive: true });
    // The tokenizer of both.
    if (name === "open-clip") for (const file of ["vocab.json", "merges.txt"]) cpSync(join(GOLDEN, MODELS.clip, file), at(`${name}/${file}`));
    trainer("import", "--from", at(name), "--out", at(`${name}.safetensors`), "--precision", "f16");
  }
  server = await site();
  browser = await launch({ webgpu: false });
});
after(async () => {
  await browser?.close();
  server?.close();
  work.remove();
});

/** Waits until a model answers. */
const loaded = (page, name) => page.locator("#models li", { hasText: name }).waitFor();

/** Asks about a picture, and compares what a model of the page answers with what the trainer does with a bundle. */
async function checkParity(page, model, bundle) {
  await page.setInputFiles("#image-input", IMAGE);
  const answered = await compare(page, CAPTION);
  const native = nativeScores(bundle, IMAGE, CAPTION);
  const difference = largestDifference(answered, model, native);
  assert.ok(difference < 1e-3, `${model}: ${difference}`);
  return { answered: answered.filter((row) => row.model === model), native };
}

describe("a published model", () => {
  // Emulated WebGPU takes a minute to begin, and that of CLIP's kind is tested with bundles.
  for (const [backend, names] of [["cpu", Object.keys(MODELS)], ["webgpu", ["siglip"]]]) {
    for (const name of names) {
      test(`of the kind ${name} answers with ${backend} as the trainer's import does`, async (t) => {
        const own = await launch({ webgpu: backend === "webgpu" }, t);
        const { page, problems } = await open(own, `${server.url}?backend=${backend}`);
        await page.setInputFiles("#folder-input", at(name));
        await loaded(page, name);
        assert.equal(await page.getAttribute("body", "data-backend"), backend);
        const { answered, native } = await checkParity(page, name, at(`${name}.safetensors`));
        const unit = await page.locator(`[data-model="${name}"] [data-slot=probability-unit]`).first().textContent();
        const sum = answered.reduce((sum, row) => sum + row.probability, 0);
        if (name.startsWith("siglip")) {
          assert.equal(unit, "match");
          const byCaption = new Map(native.map((row) => [row.caption, row.probability]));
          for (const { caption, probability } of answered) assert.ok(Math.abs(probability - byCaption.get(caption)) < 5e-2, caption);
        } else {
          assert.equal(unit, "probability");
          assert.ok(Math.abs(sum - 1) < 1e-3, `the shares add up to ${sum}`);
        }
        assert.deepEqual(problems, []);
      });
    }
  }

  test("is kept in the browser, in eight bits if that is asked for, and opened at the next visit", async () => {
    const { page, context, problems } = await open(browser, server.url);
    await page.selectOption("#import-precision", "q8");
    const files = ["config.json", "preprocessor_config.json", "spiece.model", "tokenizer_config.json", "model.safetensors"];
    await page.setInputFiles("#bundle-input", files.map((name) => at(`siglip/${name}`)));
    await loaded(page, "imported model");
    await checkParity(page, "imported model", at("siglip.safetensors")).catch((error) => assert.match(String(error), /imported model: 0\.0/));
    const kept = page.locator("#kept li", { hasText: "imported model" });
    assert.equal(await kept.getByRole("button", { name: "Open" }).isVisible(), false, "it answers already");
    await page.close();
    const again = await context.newPage();
    again.on("pageerror", (error) => problems.push(String(error)));
    await again.goto(server.url);
    await again.waitForSelector('body[data-state="ready"]');
    await again.locator("#kept li", { hasText: "imported model" }).getByRole("button", { name: "Open" }).click();
    await loaded(again, "imported model");
    await again.setInputFiles("#image-input", IMAGE);
    await compare(again, CAPTION);
    assert.ok((await rows(again)).some((row) => row.model === "imported model"));
    assert.deepEqual(problems, []);
    await context.close();
  });

  test("that is not whole, or none that Foil has, is refused with a reason", async () => {
    const { page, context, problems } = await open(browser, server.url);
    const refused = async (files, reason) => {
      await page.setInputFiles("#bundle-input", files);
      await page.waitForFunction((reason) => document.querySelector("#bundle-note").textContent.includes(reason), reason);
    };
    const file = (name, text) => ({ name, mimeType: "application/json", buffer: Buffer.from(text) });
    await refused([file("config.json", '{"model_type": "clip"}')], "none of the files ends in .safetensors");
    const weights = at("clip/model.safetensors");
    mkdirSync(at("llama"));
    writeFileSync(at("llama/config.json"), '{"model_type": "llama"}');
    await refused([at("llama/config.json"), weights, at("clip/vocab.json"), at("clip/merges.txt"), at("clip/preprocessor_config.json")], '"llama"');
    await refused([at("clip/config.json"), weights], "vocab.json");
    await refused([at("clip/vocab.json")], "no model among these files");
    writeFileSync(at("llama/model.safetensors"), "rubbish, and more of it");
    await refused(["config.json", "vocab.json", "merges.txt", "preprocessor_config.json"].map((name) => at(`clip/${name}`)).concat(at("llama/model.safetensors")), "not a safetensors file");
    await page.waitForSelector('body[data-state="ready"]');
    assert.deepEqual(problems, []);
    await context.close();
  });
});

test("bundles that the page is served with answer beside its own", async () => {
  const more = withBundles(join(ROOT, "dist"), [at("clip.safetensors")]);
  const own = await site([], undefined, [more.folder]);
  const { page, context, problems } = await open(browser, own.url);
  await loaded(page, "clip");
  const { answered } = await checkParity(page, "clip", at("clip.safetensors"));
  assert.equal(answered[0].kind, "caption");
  const columns = await page.$$eval("#columns [data-slot=model-name]", (names) => names.map((name) => name.textContent));
  assert.equal(columns.length, 3);
  assert.deepEqual(problems, []);
  await context.close();
  own.close();
  more.remove();
});
