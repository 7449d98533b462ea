// What a first visit costs: `node tests/browser/speed.mjs [VISITS]`, after a build. Prints the median over visits, each with an
// empty cache: milliseconds to the first paint, to a game that can be played, to the first answer (saved), to live models and to a
// live answer; how long the page did not respond to input while loading (total blocking time: what long tasks take beyond
// 50 ms); bytes as they are served, uncompressed.
import { launch, site } from "./browser.mjs";

const VISITS = Number(process.argv[2] ?? 5);

function watch() {
  const times = (window.times = { blocked: 0 });
  const note = (name) => (times[name] ??= Math.round(performance.now()));
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) times.blocked += Math.round(Math.max(0, task.duration - 50));
  }).observe({ type: "longtask", buffered: true });
  new MutationObserver(() => {
    if (document.querySelector('#game[data-phase="bet"]')) note("game");
    if (document.querySelector(".verdicts li")) note("savedAnswer");
    if (document.body?.dataset.state === "ready") note("models");
  }).observe(document, { subtree: true, childList: true, attributes: true });
}

async function visit(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1366, height: 650 } });
  const page = await context.newPage();
  await page.addInitScript(watch);
  await page.goto(url);
  await page.waitForSelector('body[data-state="ready"]');
  const asked = Date.now();
  await page.fill("#caption-input", "a red cup on a table");
  await page.click("#run");
  await page.waitForSelector('[data-role="score"][data-caption="a red cup on a table"]');
  const liveAnswer = Date.now() - asked;
  const times = await page.evaluate(() => ({
    firstPaint: Math.round(performance.getEntriesByName("first-contentful-paint")[0].startTime),
    ...window.times,
    bytes: performance.getEntriesByType("resource").reduce((sum, entry) => sum + entry.encodedBodySize, 0),
  }));
  await context.close();
  return { ...times, liveAnswer };
}

const server = await site();
const browser = await launch({ webgpu: false });
const visits = [];
for (let nth = 0; nth < VISITS; nth++) visits.push(await visit(browser, server.url));
const median = (name) => visits.map((visit) => visit[name]).sort((a, b) => a - b)[Math.floor(VISITS / 2)];
console.log(Object.fromEntries(Object.keys(visits[0]).map((name) => [name, median(name)])));
await browser.close();
server.close();
