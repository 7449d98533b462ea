// What the browser tests share: a real Chromium, the built page, the trainer's answers to compare with.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { serve } from "./serve.mjs";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const SAMPLES = join(ROOT, "assets/samples");

const QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic"];
// WebGPU without a graphics processor: correct, but slow.
const WEBGPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"];

/**
 * Starts Chromium, with WebGPU on a software adapter or with none at all, `more` arguments, and no fonts but those of a folder
 * that fontconfig is told of by the file `fonts`. It is closed when the test `t` ends, however it ends.
 */
export async function launch({ webgpu, more = [], fonts }, t) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    env: fonts ? { ...process.env, FONTCONFIG_FILE: fonts } : process.env,
    args: ["--headless=new", "--no-sandbox", ...QUIET, ...(webgpu ? WEBGPU : ["--disable-features=WebGPU", "--disable-gpu"]), ...more],
  });
  t?.after(() => browser.close());
  return browser;
}

/** Serves the built page, and beside it folders of the test's own, or `before` it; `meddle` spoils connections. */
export async function site(extra = [], meddle = undefined, before = []) {
  const server = await serve([...before, join(ROOT, "dist"), ...extra], 0, meddle);
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, close };
}

/** The page's address and a browser for each backend, while the tests of a file run. */
export function visitors(...backends) {
  const visitors = {};
  let server;
  before(async () => {
    server = await site();
    visitors.url = server.url;
    for (const backend of backends) visitors[backend] = await launch({ webgpu: backend === "webgpu" });
  });
  after(async () => {
    for (const backend of backends) await visitors[backend]?.close();
    server?.close();
  });
  return visitors;
}

/** A folder that is removed at the end. */
export function folder() {
  const path = mkdtempSync(join(tmpdir(), "foil-"));
  return { path, remove: () => rmSync(path, { recursive: true }) };
}

/** Runs the trainer and returns what it printed. */
export function trainer(...args) {
  const features = process.env.FOIL_TRAINER_FEATURES?.split(" ") ?? [];
  const cargo = ["run", "--release", "--quiet", "-p", "trainer", ...features, "--", ...args];
  return execFileSync("cargo", cargo, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Opens the page and waits until it can answer. Errors of the page fail the test that `problems` is checked in. */
export async function open(browser, url, { prepare, timeout = 150_000, viewport } = {}) {
  const context = await browser.newContext({ viewport: viewport ?? { width: 1280, height: 1400 } });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.setDefaultTimeout(timeout);
  await prepare?.(page);
  await page.goto(url);
  await page.waitForSelector('body[data-state="ready"], body[data-state="failed"]');
  return { page, context, problems };
}

/** Puts a line of script in front of the engine's program, the first `times` times that it is fetched. */
export async function patchEngine(page, line, times = Infinity) {
  await page.route("**/engine-*.js", async (route) => {
    const response = await route.fetch();
    const body = await response.text();
    await route.fulfill({ response, body: times-- > 0 ? `${line}\n${body}` : body });
  });
}

/** Asks for a caption and returns the rows of the answer. */
export async function compare(page, caption) {
  await page.fill("#caption-input", caption);
  return ask(page);
}

/** Asks for the caption that is there and returns the rows of the answer. */
export async function ask(page) {
  const caption = await page.inputValue("#caption-input");
  await page.click("#run");
  await page.waitForFunction(
    (caption) =>
      document.body.dataset.state === "ready" &&
      document.querySelector('[data-role="score"][data-kind="caption"]')?.dataset.caption === caption,
    caption,
  );
  return rows(page);
}

/** Paints a line over the picture, in shares of its frame; the editor must be open. */
export async function paint(page, from, to) {
  await page.locator("#paint").scrollIntoViewIfNeeded();
  const box = await page.locator("#paint").boundingBox();
  const at = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
  await page.mouse.move(...at(from));
  await page.mouse.down();
  await page.mouse.move(...at(to), { steps: 8 });
  await page.mouse.up();
}

/** All scored captions on the page. */
export function rows(page) {
  return page.$$eval('[data-role="score"]', (items) =>
    items.map(({ dataset }) => ({
      ...dataset,
      similarity: Number(dataset.similarity),
      probability: Number(dataset.probability),
    })),
  );
}

/** The trainer's answer to the same question. */
export function nativeScores(bundle, image, caption) {
  const printed = trainer("score", "--bundle", bundle, "--image", image, "--caption", caption, "--negatives", "--json", "--device", "cpu");
  return JSON.parse(printed).scores;
}

/** The largest difference between the page's rows of a model and the trainer's, which must be the same captions. */
export function largestDifference(pageRows, model, native) {
  const own = pageRows.filter((row) => row.model === model);
  const byCaption = new Map(own.map((row) => [row.caption, row]));
  if (own.length !== native.length) throw new Error(`${own.length} rows of ${model}, the trainer has ${native.length}`);
  return Math.max(
    ...native.map(({ caption, similarity, kind, concept }) => {
      const row = byCaption.get(caption);
      if (!row || row.kind !== kind || row.concept !== (concept ?? "")) throw new Error(`the page lacks ${caption}`);
      return Math.abs(row.similarity - similarity);
    }),
  );
}
