// Takes the screenshots of README, page and links, and prints load and answer times: `node tests/browser/screenshots.mjs`, after a
// build. With a folder, it takes the frames of README's animation instead, which libwebp makes of them:
// `node tests/browser/screenshots.mjs FRAMES && img2webp -loop 0 -lossy -q 60 -d 1000 FRAMES/*.png -o assets/tour.webp`.
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { ROOT, SAMPLES, compare, launch, open, paint, site } from "./browser.mjs";

const server = await site();

/** Twenty frames, a second each: some rounds of the game, its result, and a suit made blue. */
async function animate(folder) {
  mkdirSync(folder, { recursive: true });
  const browser = await launch({ webgpu: false });
  const { page } = await open(browser, `${server.url}#game=2026-11-29`, { viewport: { width: 960, height: 600 } });
  let taken = 0;
  const frame = async (times = 1) => {
    await page.waitForTimeout(400);
    for (let nth = 0; nth < times; nth++) await page.screenshot({ path: join(folder, `${String(taken++).padStart(2, "0")}.png`) });
  };
  const look = (id) => page.evaluate((id) => document.querySelector(id).scrollIntoView(), id);
  await look("#game");
  for (let round = 0; round < 10; round++) {
    const seen = round < 3;
    if (seen) await frame();
    await page.click("#game-bet-0-0");
    if (round === 0) await frame();
    await page.click(`#game-bet-1-${round % 2}`);
    if (seen) await frame(2);
    await page.click("#game-next");
  }
  await frame(2);
  await page.click("#samples li:nth-child(2) button");
  await page.waitForSelector('body[data-state="ready"] [data-role="score"][data-image="astronaut.jpg"]');
  await frame();
  await page.click("#prepared button");
  await page.waitForSelector('body[data-state="ready"] [data-role="square"]');
  await look("#workbench");
  await frame(2);
  for (const wipe of [30, 60, 90]) {
    await page.fill("#wipe", String(wipe));
    await frame();
  }
  await page.evaluate(() => document.querySelector(".arrows").scrollIntoView({ block: "center" }));
  await frame(2);
  await browser.close();
  console.log(`${taken} frames`);
}

if (process.argv[2]) {
  await animate(process.argv[2]);
  server.close();
  process.exit();
}

async function visit(webgpu) {
  const browser = await launch({ webgpu });
  const query = webgpu ? "?backend=webgpu" : "";
  const begun = Date.now();
  const { page } = await open(browser, server.url + query);
  const cold = Date.now() - begun;
  await page.setInputFiles("#image-input", join(SAMPLES, "cat.jpg"));
  const answer = async (caption) => {
    await compare(page, caption);
    return page.textContent("#status");
  };
  const first = await answer("a small brown cat on the left");
  const later = await answer("a large green star above a red car");
  const again = Date.now();
  await page.reload();
  await page.waitForSelector('body[data-state="ready"]');
  console.log({ webgpu, coldMillis: cold, warmMillis: Date.now() - again, first, later });
  return { browser, page };
}

const { browser, page } = await visit(false);
// Begun anew, with the question that the page opens with.
await page.goto("about:blank");
await page.goto(server.url);
await page.waitForSelector('body[data-state="ready"] .verdicts');
await page.waitForFunction(() => document.querySelectorAll("#samples li").length === 13);
await page.setViewportSize({ width: 1280, height: 1000 });
await page.screenshot({ path: join(ROOT, "assets/screenshot.png") });
// What sites that show links show of this one.
await page.setViewportSize({ width: 1200, height: 630 });
await page.click("#challenges li:first-child a");
await page.waitForSelector('body[data-state="ready"] [data-role="score"]');
await page.evaluate(() => scrollTo(0, 0));
await page.screenshot({ path: join(ROOT, "assets/preview.png") });
await page.setViewportSize({ width: 1280, height: 1000 });
await page.click("#samples li:nth-child(2) button");
await compare(page, "a woman in an orange suit in front of a flag");
await page.click("#editor summary");
await page.fill("#reach", "0.42");
for (const [from, to] of [[[0.34, 0.68], [0.4, 0.9]], [[0.55, 0.63], [0.58, 0.66]], [[0.29, 0.6], [0.3, 0.75]]]) await paint(page, from, to);
await page.click("#apply-edit");
await page.waitForSelector('body[data-state="ready"] [data-role="square"]');
await page.fill("#wipe", "45");
await page.evaluate(() => document.querySelector("#workbench").scrollIntoView());
await page.screenshot({ path: join(ROOT, "assets/editor.png") });
await browser.close();
await (await visit(true)).browser.close();
server.close();
