// Serves a folder over HTTP on this machine only: `node serve.mjs DIR [PORT [BUNDLE…]]`. Bundles are added to the page's own.
import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { basename, extname, join, normalize, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const TYPES = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".jpg": "image/jpeg",
  ".js": "text/javascript",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
};

/** Finds a file in the first folder that has it, never outside of one. */
async function find(folders, path) {
  for (const folder of folders) {
    const root = resolve(folder);
    const file = join(root, normalize(path.endsWith("/") ? path + "index.html" : path));
    const found = file.startsWith(root + sep) ? await stat(file).catch(() => null) : null;
    if (found?.isFile()) return { file, size: found.size, etag: `"${found.size}-${found.mtimeMs}"` };
  }
  return null;
}

/** Where an answer begins: at the byte that the browser asks for, if it has the beginning of the same version. */
function beginning({ range, "if-range": version }, etag) {
  const asked = /^bytes=(\d+)-$/.exec(range ?? "");
  return asked && (version ?? etag) === etag ? Number(asked[1]) : 0;
}

/**
 * Starts a server for some folders; resolves once it listens. Port 0 picks a free one.
 * `meddle(path)` is for tests of bad connections: of `{ after, how }` the first says how many bytes of an answer are
 * sent, the second whether the connection is then `cut` or only stalls.
 */
export async function serve(folders, port = 0, meddle = () => null) {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    const found = await find(folders, path);
    if (!found) {
      response.writeHead(404).end("not found");
      return;
    }
    const { file, size, etag } = found;
    const headers = { etag, "cache-control": "no-cache", "accept-ranges": "bytes" };
    if (request.headers["if-none-match"] === etag) {
      response.writeHead(304, headers).end();
      return;
    }
    const start = beginning(request.headers, etag);
    if (start >= size && start > 0) {
      response.writeHead(416, { "content-range": `bytes */${size}` }).end();
      return;
    }
    if (start > 0) headers["content-range"] = `bytes ${start}-${size - 1}/${size}`;
    response.writeHead(start > 0 ? 206 : 200, {
      ...headers,
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
      "content-length": size - start,
    });
    const fault = request.method === "HEAD" ? null : meddle(path);
    if (request.method === "HEAD") response.end();
    else if (fault?.after === 0) response.destroy();
    else if (!fault) createReadStream(file, { start }).pipe(response);
    else {
      const part = createReadStream(file, { start, end: Math.min(size, start + fault.after) - 1 });
      part.pipe(response, { end: false });
      if (fault.how === "cut") part.on("end", () => setTimeout(() => response.destroy(), 50));
    }
  });
  await new Promise((listening, failed) => {
    server.once("error", failed);
    server.listen(port, "127.0.0.1", listening);
  });
  return server;
}

/**
 * Makes a folder to serve before the page's own, with which more bundles answer beside those that know photographs. A page with
 * other bundles is another version of it, or browsers that have been here would not look.
 */
export function withBundles(page, bundles) {
  const folder = mkdtempSync(join(tmpdir(), "foil-page-"));
  const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");
  mkdirSync(join(folder, "own"));
  const listed = bundles.map((path) => {
    const name = basename(path);
    const bytes = readFileSync(path);
    symlinkSync(resolve(path), join(folder, "own", name));
    const title = name.replace(/\.safetensors$/, "");
    return { name: title, set: "photographs", file: `own/${name}`, bytes: bytes.length, sha256: hash(bytes) };
  });
  const list = JSON.parse(readFileSync(join(page, "bundles.json"), "utf8"));
  writeFileSync(join(folder, "bundles.json"), JSON.stringify([...list, ...listed]));
  const worker = readFileSync(join(page, "service-worker.js"), "utf8");
  const version = /(?<=CACHE = MINE \+ ")[0-9a-f]+/;
  if (!version.test(worker)) throw new Error("the service worker names no version");
  const other = (old) => hash(JSON.stringify([old, listed])).slice(0, old.length);
  writeFileSync(join(folder, "service-worker.js"), worker.replace(version, other));
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder = "dist", port = "8080", ...bundles] = process.argv.slice(2);
  const more = bundles.length > 0 ? withBundles(folder, bundles) : null;
  process.on("exit", () => more?.remove());
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
  serve(more ? [more.folder, folder] : [folder], Number(port)).catch((error) => {
    console.error(error.code === "EADDRINUSE" ? `port ${port} is in use; try another by --port` : String(error));
    process.exit(1);
  });
}
