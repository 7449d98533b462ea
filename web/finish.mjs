// Run by trunk when a build is complete: names the engine's files by their content and tells the page, lets the page's own
// inline script, and no other, pass the content security policy, gives the preview its address (FOIL_SITE), lays the texts that belong to what is shipped beside it, and
// writes the list of files that the service worker keeps for visits without a network.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join, parse, relative, sep } from "node:path";

import { plainText } from "./plain-text.mjs";

const built = process.env.TRUNK_STAGING_DIR;
const hash = (content, encoding) => createHash("sha256").update(content).digest(encoding);

function fill(text, placeholder, value) {
  if (!text.includes(placeholder)) throw new Error(`nothing says ${placeholder}`);
  return text.replace(placeholder, value);
}

// Trunk does so for the page's own program only. No cache on the way can then pair the script of one version with the
// module of another.
const engine = ["engine.js", "engine_bg.wasm"];
const contents = engine.map((name) => hash(readFileSync(join(built, name)), "hex")).join("");
const engineName = `engine-${hash(contents, "hex").slice(0, 16)}`;
for (const name of engine) renameSync(join(built, name), join(built, name.replace("engine", engineName)));

const index = join(built, "index.html");
const html = fill(readFileSync(index, "utf8"), 'data-engine="engine"', `data-engine="${engineName}"`);
const inline = [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([^]*?)<\/script>/g)].map(([, script]) => `'sha256-${hash(script, "base64")}'`);
writeFileSync(index, fill(html, "'sha256-OF-INLINE-SCRIPTS'", inline.join(" ")));

// Sites that show links take the preview by a whole address only. Who publishes the page says where.
const site = process.env.FOIL_SITE;
if (site) writeFileSync(index, fill(readFileSync(index, "utf8"), 'content="preview.png"', `content="${new URL("preview.png", site).href}"`));

// As .txt, which every host serves as something to read.
for (const text of ["README.md", "LICENSE", "NOTICE", "assets/photo-models.md"]) {
  const { name, ext } = parse(text);
  const written = readFileSync(new URL(`../${text}`, import.meta.url), "utf8");
  writeFileSync(join(built, `${name.toLowerCase()}.txt`), ext === ".md" ? plainText(written) : written);
}

const files = (folder) =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
// Models are kept by the engine, each by its own hash, so that a new page need not fetch them again.
const kept = files(built).filter((path) => !path.endsWith(".safetensors")).sort();
// The page under its folder's address, because some hosts send those who ask for index.html there.
const address = (path) => (path === index ? "./" : relative(built, path).split(sep).join("/"));
const names = kept.map(address);
const version = hash(kept.map((path, nth) => names[nth] + hash(readFileSync(path), "hex")).join("\n"), "hex").slice(0, 16);
const worker = readFileSync(new URL("service-worker.js", import.meta.url), "utf8");
writeFileSync(join(built, "service-worker.js"), fill(fill(worker, "VERSION_OF_BUILD", version), "[/* files of the build */]", JSON.stringify(names)));
