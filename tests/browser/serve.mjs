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
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** Finds a file in the first folder that has it, never outside of one. */
async function find(folders, path) {
  for (const folder of folders) {
    const root = resolve(folder);
    const file = join(root, normalize(path.endsWith("/") ? path + "index.html" : path));
    const found = file.startsWith(root + sep) ? await stat(file).catch(() => null) : null;
    if (found?.isFile()) return { file, size: found.size };
  }
  return null;
}

/** Starts a server for some folders; resolves once it listens. Port 0 picks a free one. */
export async function serve(folders, port = 0) {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    const found = await find(folders, path);
    if (!found) {
      response.writeHead(404).end("not found");
      return;
    }
    const { file, size } = found;
    response.writeHead(200, {
      "content-type": TYPES[extname(file)] ?? "application/octet-stream",
      "content-length": size,
      "cache-control": "no-cache",
    });
    createReadStream(file).pipe(response);
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
