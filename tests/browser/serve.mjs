// Serves a folder over HTTP on this machine only: `node serve.mjs DIR [PORT]`.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize, resolve, sep } from "node:path";
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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder = "dist", port = "8080"] = process.argv.slice(2);
  serve([folder], Number(port)).catch((error) => {
    console.error(error.code === "EADDRINUSE" ? `port ${port} is in use; try another by --port` : String(error));
    process.exit(1);
  });
}
