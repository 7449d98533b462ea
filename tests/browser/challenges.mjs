// Writes assets/challenges.json: what the page's models answer to the challenges it begins with. Run after a build whenever the
// models or the negatives change; keep.test.mjs fails until then: `node tests/browser/challenges.mjs`.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { ROOT, ask, launch, open, site } from "./browser.mjs";

const server = await site();
const browser = await launch({ webgpu: false });
const { page } = await open(browser, server.url);
const links = await page.$$eval(".challenges a", (links) => links.map((link) => link.hash));
const challenges = [];
for (const hash of links) {
  const asked = new URLSearchParams(hash.slice(1));
  const [sample, caption, foil] = ["sample", "caption", "foil"].map((name) => asked.get(name));
  await page.click(`.challenges a[href="${hash}"]`);
  await page.waitForFunction((sample) => document.querySelector("#current-name").textContent === sample, sample);
  await ask(page);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save-json")]);
  const { answers } = JSON.parse(readFileSync(await download.path(), "utf8"));
  challenges.push({ sample, caption, foil, answers });
}
writeFileSync(join(ROOT, "assets/challenges.json"), `${JSON.stringify(challenges)}\n`);
console.log(`${challenges.length} challenges answered`);
await browser.close();
server.close();
