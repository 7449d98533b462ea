// Drivers for browsers other than Chromium, with no more than a smoke test needs: Firefox over WebDriver BiDi, and WebKit's
// MiniBrowser over plain WebDriver on a display of its own.
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import puppeteer from "puppeteer-core";

/** How long a page may take for anything, in milliseconds. */
const TIMEOUT = 150_000;

/**
 * A browser with one page. `evaluate` runs an expression in it, `upload` gives files to an input; the rest is made of these.
 * It is closed when the test `t` ends.
 */
export async function start(engine, t) {
  const { evaluate, goto, reload, upload, close } = await { firefox, webkit }[engine]();
  t.after(close);
  const quoted = (text) => JSON.stringify(text);
  const until = async (expression) => {
    for (const end = Date.now() + TIMEOUT; Date.now() < end; await sleep(100)) {
      // A page that is just being left has no answer.
      if (await evaluate(expression).catch(() => false)) return;
    }
    throw new Error(`not within ${TIMEOUT} ms: ${expression}; the page says ${await evaluate('document.querySelector("#status")?.textContent')}`);
  };
  return {
    evaluate,
    goto,
    reload,
    until,
    upload: (files) => upload("#image-input", files),
    ask: (caption) =>
      evaluate(`(() => {
        const input = document.querySelector("#caption-input");
        input.value = ${quoted(caption)};
        input.dispatchEvent(new Event("input", { bubbles: true }));
        document.querySelector("#run").click();
      })()`),
    text: (selector) => evaluate(`document.querySelector(${quoted(selector)}).textContent`),
  };
}

async function firefox() {
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
    headless: true,
    extraPrefsFirefox: { "dom.webgpu.enabled": false },
  });
  const page = await browser.newPage();
  return {
    goto: (url) => page.goto(url),
    reload: () => page.reload(),
    evaluate: (expression) => page.evaluate(expression),
    upload: async (selector, files) => (await page.$(selector)).uploadFile(...files),
    close: () => browser.close(),
  };
}

async function webkit() {
  const display = await virtualDisplay();
  const port = await freePort();
  const driver = spawn("WebKitWebDriver", [`--port=${port}`], { stdio: "ignore", env: { ...process.env, DISPLAY: display.name } });
  const send = async (method, path, body) => {
    const options = { method, body: body && JSON.stringify(body), headers: { "content-type": "application/json" } };
    const { value } = await (await fetch(`http://127.0.0.1:${port}/session${path}`, options)).json();
    if (value?.error) throw new Error(`${value.error}: ${value.message}`);
    return value;
  };
  const options = { binary: miniBrowser(), args: ["--automation"] };
  const capabilities = { alwaysMatch: { "webkitgtk:browserOptions": options, pageLoadStrategy: "none" } };
  const { sessionId } = await patiently(() => send("POST", "", { capabilities }));
  const call = (method, path, body) => send(method, `/${sessionId}${path}`, body);
  // How the protocol marks an element.
  const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";
  return {
    goto: (url) => call("POST", "/url", { url }),
    reload: () => call("POST", "/refresh", {}),
    evaluate: (expression) => call("POST", "/execute/sync", { script: `return ${expression};`, args: [] }),
    upload: async (selector, files) => {
      const element = await call("POST", "/element", { using: "css selector", value: selector });
      await call("POST", `/element/${element[ELEMENT]}/value`, { text: files.join("\n") });
    },
    close: async () => {
      await call("DELETE", "").catch(() => {});
      driver.kill();
      display.process.kill();
    },
  };
}

/** Where Debian keeps WebKit's smallest browser. */
function miniBrowser() {
  for (const machine of readdirSync("/usr/lib")) {
    for (const version of ["4.1", "4.0", "6.0"]) {
      const path = join("/usr/lib", machine, `webkit2gtk-${version}`, "MiniBrowser");
      if (existsSync(path)) return path;
    }
  }
  throw new Error("no MiniBrowser: install webkit2gtk-driver");
}

/** A display that nobody looks at. */
async function virtualDisplay() {
  const process_ = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1280x1400x24", "-nolisten", "tcp"], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  const [number] = await new Promise((resolve, reject) => {
    process_.once("error", reject);
    process_.stdio[3].once("data", (data) => resolve(String(data).trim().split("\n")));
  });
  return { name: `:${number}`, process: process_ };
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Tries until it works; a program that was just started does not listen yet. */
async function patiently(act) {
  for (let turn = 0; ; turn++) {
    try {
      return await act();
    } catch (error) {
      if (turn === 50) throw error;
      await sleep(200);
    }
  }
}
