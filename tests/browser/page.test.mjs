// The page in a real browser: what a visitor does, and what they must see. Run by ./foil test.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { ROOT, SAMPLES, compare, folder, largestDifference, launch, nativeScores, open, patchEngine, rows, site, trainer } from "./browser.mjs";

// Sums in another order move a cosine by this much; the promise is 1e-3, and 1e-5 for the tiny model.
const TOLERANCE = 1e-3;
const TINY_TOLERANCE = 1e-5;

const CAPTION = "a small brown cat on the left";
const temporary = folder();
const TINY = join(temporary.path, "tiny.safetensors");
let server;

before(async () => {
  const run = join(temporary.path, "run");
  trainer("pretrain", "--preset", "tiny", "--data", "scenes:64", "--batch-size", "16", "--epochs", "1", "--device", "cpu", "--quiet", "--out", run);
  trainer("export", "--run", run, "--out", TINY, "--precision", "f32");
  server = await site([temporary.path]);
});

after(() => {
  server?.close();
  temporary.remove();
});

const bundle = (name) => (name === "tiny" ? TINY : join(ROOT, `assets/${name}.safetensors`));

/** Every model on the page must give the trainer's numbers for the file. */
function checkParity(pageRows, image, caption) {
  for (const model of ["photo-plain", "photo-hard-negative", "tiny"]) {
    const difference = largestDifference(pageRows, model, nativeScores(bundle(model), image, caption));
    const most = model === "tiny" ? TINY_TOLERANCE : TOLERANCE;
    assert.ok(difference <= most, `${model} differs by ${difference} for ${caption}`);
    console.log(`# ${model}: largest difference from the trainer ${difference.toExponential(1)}`);
  }
}

async function upload(page, ...files) {
  await page.setInputFiles("#image-input", files);
}

for (const backend of ["webgpu", "cpu"]) {
  describe(`with ${backend}`, () => {
    let browser;
    before(async () => {
      browser = await launch({ webgpu: backend === "webgpu" });
    });
    after(() => browser?.close());

    test("an uploaded photograph is scored like the trainer scores it", async () => {
      const { page, problems } = await open(browser, `${server.url}?backend=${backend}&bundle=tiny.safetensors`);
      assert.equal(await page.getAttribute("body", "data-backend"), backend);
      const image = join(SAMPLES, "cat.jpg");
      await upload(page, image);
      const scored = await compare(page, CAPTION);
      assert.deepEqual([...new Set(scored.map((row) => row.model))], ["photo-plain", "photo-hard-negative", "tiny"]);
      assert.ok(scored.every((row) => row.image === "cat.jpg"));
      for (const concept of ["color", "object", "location", "size"]) {
        assert.ok(scored.some((row) => row.kind === "negative" && row.concept === concept), concept);
      }
      checkParity(scored, image, CAPTION);
      const sum = scored.filter((row) => row.model === "photo-plain").reduce((sum, row) => sum + row.probability, 0);
      assert.ok(Math.abs(sum - 1) < 1e-4, `probabilities add up to ${sum}`);
      assert.deepEqual(problems, []);
      await page.context().close();
    });

    test("a scene of the gallery is scored with its own caption", async () => {
      const { page, problems } = await open(browser, `${server.url}?backend=${backend}`);
      await page.waitForFunction(() => document.querySelectorAll("#samples li").length === 13);
      await page.click("#samples li:last-child button");
      await page.waitForSelector('[data-role="score"][data-kind="caption"]');
      const scored = await rows(page);
      assert.equal(scored[0].caption, await page.inputValue("#caption-input"));
      assert.deepEqual([...new Set(scored.map((row) => row.model))], ["scene-plain", "scene-hard-negative"]);
      const said = await page.textContent('[data-slot="verdicts"] li:first-child [data-slot="verdict"]');
      assert.match(said, /^(picks .+ over .+ \(.+ ahead\)|cannot tell .+ from .+)$/);
      assert.deepEqual(problems, []);
      await page.context().close();
    });
  });
}

describe("without a usable graphics processor", () => {
  test("a browser without WebGPU computes on the CPU and says so", async (t) => {
    const browser = await launch({ webgpu: false }, t);
    const { page } = await open(browser, server.url);
    assert.equal(await page.getAttribute("body", "data-backend"), "cpu");
    assert.match(await page.textContent("#backend-note"), /Running on the CPU, because .*WebGPU/);
    await upload(page, join(SAMPLES, "coffee.jpg"));
    assert.ok((await compare(page, "a white cup on a brown table")).length > 8);
  });

  test("an emulated adapter is passed over, and one without timestamps is not even started", async (t) => {
    const browser = await launch({ webgpu: true }, t);
    const emulated = await open(browser, server.url);
    assert.equal(await emulated.page.getAttribute("body", "data-backend"), "cpu");
    assert.match(await emulated.page.textContent("#backend-note"), /emulated/);
    const blind = await open(browser, `${server.url}?backend=webgpu`, {
      prepare: (page) => patchEngine(page, "GPUSupportedFeatures.prototype.has = () => false;"),
    });
    assert.equal(await blind.page.getAttribute("body", "data-backend"), "cpu");
    assert.match(await blind.page.textContent("#backend-note"), /timestamp-query/);
  });
});

test("every link to a file of this site leads to one", async (t) => {
  const browser = await launch({ webgpu: false }, t);
  const { page } = await open(browser, server.url);
  const links = await page.evaluate(() => {
    const files = [...document.querySelectorAll("a[href]")].filter((link) => link.origin === location.origin && !link.hash);
    return Promise.all(files.map(async ({ href }) => `${(await fetch(href)).status} ${href}`));
  });
  assert.ok(links.length >= 4, `${links}`);
  assert.deepEqual(links.filter((link) => !link.startsWith("200 ")), []);
});

test("the browser draws the same negatives as the trainer", async (t) => {
  const browser = await launch({ webgpu: false }, t);
  const { page } = await open(browser, server.url);
  const lines = (name) => readFileSync(join(ROOT, "tests/golden", name), "utf8").trimEnd().split("\n");
  const captions = lines("captions.txt").slice(0, 100);
  const found = await page.evaluate((captions) => captions.map((caption) => window.wasmBindings.negatives(caption)), captions);
  const written = captions.flatMap((caption, nth) => [
    caption,
    ...JSON.parse(found[nth]).map(({ concept, from, to }) => `    ${concept}: ${from} → ${to}`),
  ]);
  assert.deepEqual(written, lines("negatives.txt"));
});

test("a marked word lists its alternatives, and a click asks about one", async (t) => {
  const browser = await launch({ webgpu: false }, t);
  const { page } = await open(browser, server.url);
  await page.fill("#caption-input", "a red car next to a dog");
  await page.click('#caption-marks mark[data-concept="color"] button');
  assert.match(await page.textContent("#caption-note"), /red/);
  await page.click('#word-offers button:text-is("blue")');
  assert.equal(await page.inputValue("#foil-input"), "a blue car next to a dog");
  assert.deepEqual(await page.$$eval("#caption-marks mark", (marks) => marks.map((mark) => mark.textContent)), ["red", "car", "next to", "dog"]);
  await page.fill("#caption-input", "a green car next to a dog");
  assert.equal(await page.inputValue("#foil-input"), "", "a foil belongs to its caption");
  await page.fill("#caption-input", "lovely weather");
  await page.click('#word-offers button:text-is("red")');
  assert.equal(await page.inputValue("#caption-input"), "lovely weather red");
});

describe("when things go wrong", () => {
  let browser;
  before(async () => {
    browser = await launch({ webgpu: false });
  });
  after(() => browser?.close());

  test("bad pictures get a sentence each and the good one stays", async () => {
    const { page, problems } = await open(browser, server.url);
    await upload(page, join(SAMPLES, "cat.jpg"));
    const before = await compare(page, CAPTION);
    const jpeg = readFileSync(join(SAMPLES, "rocket.jpg"));
    const file = (name, buffer) => ({ name, mimeType: "image/png", buffer });
    const cases = [
      [file("notes.png", Buffer.from("this is text")), "not an image"],
      [file("empty.png", Buffer.alloc(0)), "the file is empty"],
      [file("cut.jpg", jpeg.subarray(0, jpeg.length / 2)), "cut off"],
      [file("huge.png", hugePng()), "30000x30000"],
      [file("phone.heic", Buffer.from("\0\0\0\x18ftypheic0000")), "HEIC"],
    ];
    for (const [wrong, words] of cases) {
      await upload(page, wrong);
      const item = page.locator("#pictures li", { hasText: wrong.name });
      await item.locator('[data-slot="problem"]', { hasText: words }).waitFor();
      assert.equal((await rows(page)).length, 0, "no scores for a picture that was not read");
    }
    await page.locator("#pictures li", { hasText: "cat.jpg" }).locator('[data-slot="pick"]').click();
    assert.equal(await page.inputValue("#caption-input"), CAPTION, "what was typed is not lost");
    await page.waitForFunction((n) => document.querySelectorAll('[data-role="score"]').length === n, before.length);
    assert.deepEqual(await rows(page), before);
    assert.deepEqual(problems, []);
    await page.context().close();
  });

  test("odd captions are answered in words", async () => {
    const { page } = await open(browser, server.url);
    await upload(page, join(SAMPLES, "cat.jpg"));
    const note = () => page.textContent("#caption-note");
    await page.fill("#caption-input", "");
    await page.click("#run");
    assert.match(await note(), /Describe the picture in one sentence/);
    const bare = await compare(page, "lovely weather 🚗");
    assert.ok(bare.every((row) => row.kind === "caption"));
    assert.match(await note(), /to swap/);
    await page.click('#word-offers [data-slot="word"]:first-child');
    assert.match(await page.inputValue("#caption-input"), /^lovely weather 🚗 \w+/);
    await compare(page, `a red cat ${"and a very small green ball ".repeat(12)}`.trim());
    assert.match(await note(), /did not see: “.*green ball/);
    const emoji = await compare(page, "a 🐈 red cat 🚗");
    assert.ok(emoji.some((row) => row.concept === "color" && row.caption.startsWith("a 🐈 ")));
    await page.context().close();
  });

  test("a bundle of one's own gets a column, a broken one a sentence", async () => {
    const { page } = await open(browser, server.url);
    await upload(page, join(SAMPLES, "cat.jpg"));
    const tiny = readFileSync(TINY);
    const give = (name, buffer) => page.setInputFiles("#bundle-input", { name, mimeType: "application/octet-stream", buffer });
    const refused = async (name, buffer, words) => {
      await give(name, buffer);
      await page.locator("#bundle-note", { hasText: words }).waitFor();
      await page.waitForSelector('body[data-state="ready"]');
    };
    await refused("cut.safetensors", tiny.subarray(0, tiny.length / 2), "cut off");
    await refused("other.safetensors", Buffer.from("what is this"), "not a bundle");
    const version = Buffer.from(tiny);
    version.write('"9"', version.indexOf('"foil.version":"1"') + '"foil.version":'.length);
    await refused("new.safetensors", version, 'version "9"');
    await give("mine.safetensors", tiny);
    await page.locator("#models li", { hasText: "mine" }).waitFor();
    const scored = await compare(page, CAPTION);
    const native = nativeScores(TINY, join(SAMPLES, "cat.jpg"), CAPTION);
    assert.ok(largestDifference(scored, "mine", native) <= TINY_TOLERANCE);
    await page.context().close();
  });

  test("an engine that dies can be started again, and nothing that was typed is lost", async () => {
    const { page } = await open(browser, server.url, {
      prepare: (page) => patchEngine(page, "setTimeout(() => { throw new Error('planted'); }, 50);", 1),
    });
    await page.waitForSelector('body[data-state="failed"]');
    assert.match(await page.textContent("#status"), /stopped/);
    await upload(page, join(SAMPLES, "cat.jpg"));
    await page.fill("#caption-input", CAPTION);
    await page.click("#retry");
    await page.waitForSelector('body[data-state="ready"] [data-role="score"]');
    assert.equal((await rows(page))[0].caption, CAPTION);
    await page.context().close();
  });

  test("an engine that cannot be fetched is said so", async () => {
    const { page } = await open(browser, server.url, {
      prepare: (page) => page.route("**/engine-*_bg.wasm", (route) => route.fulfill({ contentType: "text/html", body: "<html>not a program</html>" })),
    });
    await page.waitForSelector('body[data-state="failed"]');
    assert.match(await page.textContent("#status"), /stopped before it could answer/);
    await page.unroute("**/engine-*_bg.wasm");
    await page.click("#retry");
    await page.waitForSelector('body[data-state="ready"]');
    await page.context().close();
  });

  for (const [which, files, state] of [["a model", "**/photo-plain.safetensors*", "ready"], ["all models", "**/photo-*.safetensors*", "failed"]]) {
    test(`where ${which} cannot be fetched it is said so, and the others answer`, async () => {
      const { page } = await open(browser, server.url, {
        prepare: (page) => page.route(files, (route) => route.fulfill({ body: "<html>not a model</html>" })),
      });
      assert.equal(await page.getAttribute("body", "data-state"), state);
      assert.match(await page.textContent("#status"), /checksum/);
      if (state === "ready") {
        await upload(page, join(SAMPLES, "cat.jpg"));
        const models = (await compare(page, CAPTION)).map((row) => row.model);
        assert.deepEqual([...new Set(models)], ["photo-hard-negative"]);
      }
      await page.unroute(files);
      await page.click("#retry");
      await page.waitForFunction(() => document.body.dataset.state === "ready" && document.querySelectorAll("#models li").length === 2);
      assert.ok(await page.isHidden("#retry"));
      await page.context().close();
    });
  }

  test("a bundle from another site is refused", async () => {
    const { page } = await open(browser, `${server.url}?bundle=http://localhost:1/evil.safetensors`);
    assert.match(await page.textContent("#bundle-note"), /another site/);
    await page.context().close();
  });
});

describe("comfort", () => {
  test("the second visit loads the models from the cache", async (t) => {
    const browser = await launch({ webgpu: false }, t);
    const { page } = await open(browser, server.url);
    assert.match(await page.textContent("#models"), /downloaded/);
    await page.reload();
    await page.waitForSelector('body[data-state="ready"]');
    const facts = await page.textContent("#models");
    assert.match(facts, /from cache/);
    assert.doesNotMatch(facts, /downloaded/);
  });

  test("everything can be done by keyboard", async (t) => {
    const browser = await launch({ webgpu: false }, t);
    const { page } = await open(browser, server.url);
    await page.waitForFunction(() => document.querySelectorAll("#samples li").length === 13);
    await page.focus("#samples li:first-child button");
    await page.keyboard.press("Enter");
    await page.waitForSelector('[data-role="score"]');
    await page.focus("#caption-input");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("a large green star");
    await page.keyboard.press("Enter");
    await page.waitForSelector('[data-role="score"][data-caption="a large green star"]');
    await page.focus('#pictures [data-slot="remove"]');
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelectorAll("#pictures li").length === 0);
    assert.equal((await rows(page)).length, 0);
  });

  test("a picture is answered by the models of its kind, unless the visitor wants the others", async (t) => {
    const browser = await launch({ webgpu: false }, t);
    const { page } = await open(browser, server.url);
    const models = async () => [...new Set((await rows(page)).map((row) => row.model))];
    const answered = (model) => page.waitForSelector(`[data-role="score"][data-model="${model}"]`);
    await upload(page, join(SAMPLES, "cat.jpg"));
    await compare(page, CAPTION);
    assert.deepEqual(await models(), ["photo-plain", "photo-hard-negative"]);
    await page.check("#set-scenes", { force: true });
    await answered("scene-hard-negative");
    assert.deepEqual(await models(), ["scene-plain", "scene-hard-negative"]);
    assert.doesNotMatch(await page.textContent("#models"), /photo/);
    await upload(page, join(SAMPLES, "coffee.jpg"));
    await compare(page, "a cup on a table");
    assert.deepEqual(await models(), ["photo-plain", "photo-hard-negative"]);
    assert.ok(await page.isChecked("#set-photographs"));
    await page.context().close();
  });

  // What is wide enough in the letters of one machine need not be in those of another.
  for (const family of ["dejavu", "liberation"]) {
    test(`no page is wider than its window, with the fonts ${family}`, async (t) => {
      const { path, remove } = folder();
      t.after(remove);
      const fonts = join(path, "fonts.conf");
      const dir = `/usr/share/fonts/truetype/${family}`;
      writeFileSync(fonts, `<fontconfig><dir>${dir}</dir><cachedir>${path}</cachedir></fontconfig>`);
      const browser = await launch({ webgpu: false, fonts }, t);
      for (const width of [320, 390, 1280]) {
        const { page } = await open(browser, server.url, { viewport: { width, height: 900 } });
        await upload(page, join(SAMPLES, "cat.jpg"));
        await compare(page, CAPTION);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(overflow <= 0, `${overflow} px too wide at ${width}`);
        await page.context().close();
      }
    });
  }
});

/** A PNG whose header announces 30,000 × 30,000 pixels, with a right checksum. */
function hugePng() {
  const header = Buffer.from("89504e470d0a1a0a0000000d494844520000753000007530080200000000000000", "hex");
  let crc = 0xffffffff;
  for (const byte of header.subarray(12, 29)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  header.writeUInt32BE(~crc >>> 0, 29);
  const data = Buffer.concat([Buffer.from("00000100", "hex"), Buffer.from("IDAT"), Buffer.alloc(260)]);
  return Buffer.concat([header, data]);
}
