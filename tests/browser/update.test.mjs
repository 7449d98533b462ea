// A new version of the page on the same address: what a visit began with it ends with, and a later one is of the new
// version whole. Run by ./foil test.
import assert from "node:assert/strict";
import { cpSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { ROOT, SAMPLES, compare, folder, launch, open } from "./browser.mjs";
import { serve } from "./serve.mjs";

const CAPTION = "a small brown cat on the left";
const HEADING = "The second version";

/** Makes of a build another one with other words and another engine, under the names that `web/finish.mjs` would give. */
function rebuild(from, into) {
  cpSync(from, into, { recursive: true });
  const edit = (name, change) => {
    const path = join(into, name);
    const before = readFileSync(path, "utf8");
    const after = change(before);
    assert.notEqual(after, before, name);
    writeFileSync(path, after);
  };
  const [engine] = /engine-[0-9a-f]{16}/.exec(readFileSync(join(into, "index.html"), "utf8"));
  const other = "engine-0123456789abcdef";
  for (const end of [".js", "_bg.wasm"]) renameSync(join(into, engine + end), join(into, other + end));
  edit(`${other}.js`, (script) => `self.version = 2;\n${script}`);
  edit("index.html", (html) => html.replace(/<h1>[^]*?<\/h1>/, `<h1>${HEADING}</h1>`).replaceAll(engine, other));
  edit("service-worker.js", (script) => script.replaceAll(engine, other).replace(/(CACHE = MINE \+ )"[0-9a-f]{16}"/, '$1"second"'));
}

describe("a new version", () => {
  const second = folder();
  const folders = [join(ROOT, "dist")];
  let browser, server, url;
  before(async () => {
    rebuild(folders[0], second.path);
    browser = await launch({ webgpu: false });
    server = await serve(folders);
    url = `http://127.0.0.1:${server.address().port}/`;
  });
  after(async () => {
    await browser?.close();
    server?.close();
    server?.closeAllConnections();
    second.remove();
  });

  const heading = (page) => page.textContent("h1");
  const answers = async (page) => {
    await page.waitForSelector('body[data-state="ready"]');
    await page.setInputFiles("#image-input", join(SAMPLES, "cat.jpg"));
    return (await compare(page, CAPTION)).length > 2;
  };
  const engineVersion = (page) => page.workers()[0].evaluate(() => self.version);

  test("waits while the old one is open in two tabs, which stay whole, and comes when both are closed", { timeout: 400_000 }, async () => {
    const { page, context, problems } = await open(browser, url);
    await page.evaluate(() => navigator.serviceWorker.ready);
    // The first visit came over the network; from here on the kept version answers.
    await page.reload();
    const old = await heading(page);

    folders[0] = second.path;
    await page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready;
      await registration.update();
      while (!registration.waiting) await new Promise((later) => setTimeout(later, 50));
    });
    const tab = async () => {
      const page = await context.newPage();
      page.setDefaultTimeout(150_000);
      await page.goto(url);
      return page;
    };
    const other = await tab();
    for (const tab of [page, other]) {
      await tab.reload();
      assert.equal(await heading(tab), old);
      assert.ok(await answers(tab));
      assert.equal(await engineVersion(tab), undefined);
    }

    await page.close();
    await other.close();
    // The browser takes its time to notice that nobody uses the old one any more. Who comes back within milliseconds may be
    // handed to a worker that is just ending, and Chromium waits for it for ever (NOTEBOOK): people are slower than that.
    const visit = async () => {
      await new Promise((later) => setTimeout(later, 1000));
      return tab();
    };
    let next = await visit();
    while ((await heading(next)) !== HEADING) {
      await next.close();
      next = await visit();
    }
    assert.ok(await answers(next));
    assert.equal(await engineVersion(next), 2);
    await context.setOffline(true);
    await next.reload();
    assert.equal(await heading(next), HEADING);
    assert.ok(await answers(next), "without a network");
    const kept = await next.evaluate(() => caches.keys());
    assert.deepEqual(kept.filter((name) => name.startsWith("foil-page")).map((name) => name.endsWith("second")), [true]);
    assert.deepEqual(problems, []);
    await context.close();
  });
});
