// Run by trunk when a build is complete: names the files of engine and game by their content and tells the page, lets the page's
// own inline scripts, and no others, pass the content security policy, gives previews their addresses (FOIL_SITE), lays the texts
// that belong to what is shipped beside it, and writes the list of files that the service worker keeps for visits without a network.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { basename, join, parse, relative, sep } from "node:path";

import { plainText } from "./plain-text.mjs";

const built = process.env.TRUNK_STAGING_DIR;
const hash = (content, encoding) => createHash("sha256").update(content).digest(encoding);

function fill(text, placeholder, value) {
  if (!text.includes(placeholder)) throw new Error(`nothing says ${placeholder}`);
  return text.replace(placeholder, value);
}

// Trunk does so for the page's own program only. No cache on the way can then pair the script of one version with the
// module of another.
const named = (program) => {
  const files = [".js", "_bg.wasm"].map((end) => join(built, program + end));
  const name = `${program}-${hash(files.map((file) => hash(readFileSync(file), "hex")).join(""), "hex").slice(0, 16)}`;
  for (const file of files) renameSync(file, join(built, basename(file).replace(program, name)));
  return name;
};
const [engine, game] = ["engine", "game"].map(named);

const index = join(built, "index.html");
const html = fill(readFileSync(index, "utf8"), 'data-engine="engine"', `data-engine="${engine}"`)
  .replaceAll(/\bgame(?=\.js"|_bg\.wasm")/g, game);
if (html.split(game).length !== 5) throw new Error("the page loads the game in another way than expected");
const inline = [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([^]*?)<\/script>/g)].map(([, script]) => `'sha256-${hash(script, "base64")}'`);
writeFileSync(index, fill(html, "'sha256-OF-INLINE-SCRIPTS'", inline.join(" ")));

// Sites that show links take the preview by a whole address only. Who publishes the page says where.
const site = process.env.FOIL_SITE;
if (site) writeFileSync(index, fill(readFileSync(index, "utf8"), 'content="preview.png"', `content="${new URL("preview.png", site).href}"`));

// They run no script either, so each sample has a page with its picture, which leads whoever follows the link to the question.
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
mkdirSync(join(built, "s"));
for (const { name, image, title, hash: question } of JSON.parse(readFileSync(new URL("../assets/previews.json", import.meta.url), "utf8"))) {
  const script = `location.replace("../" + (location.hash || ${JSON.stringify(question)}));`;
  const page = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-${hash(script, "base64")}'; img-src 'self'">
  <title>Foil: ${escaped(title)}</title>
  <meta property="og:type" content="website">
  <meta property="og:title" content="${escaped(title)}">
  <meta property="og:description" content="Two tiny models are asked. Guess what they say, then ask them yourself, in your own browser.">
  <meta property="og:image" content="${site ? new URL(image, site).href : `../${image}`}">
  <meta name="twitter:card" content="summary_large_image">
  <script>${script}</script>
</head>
<body>
<p><a href="../${escaped(question)}">${escaped(title)}</a></p>
<p><img src="../${image}" alt=""></p>
</body>
</html>
`;
  writeFileSync(join(built, "s", `${name}.html`), page);
}

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
// Pages that stand for samples are for sites that show links; some hosts redirect from them, and what came so cannot be kept.
const previews = join(built, "s") + sep;
const kept = files(built).filter((path) => !path.endsWith(".safetensors") && !path.startsWith(previews)).sort();
// The page under its folder's address, because some hosts send those who ask for index.html there.
const address = (path) => (path === index ? "./" : relative(built, path).split(sep).join("/"));
const names = kept.map(address);
const version = hash(kept.map((path, nth) => names[nth] + hash(readFileSync(path), "hex")).join("\n"), "hex").slice(0, 16);
const worker = readFileSync(new URL("service-worker.js", import.meta.url), "utf8");
writeFileSync(join(built, "service-worker.js"), fill(fill(worker, "VERSION_OF_BUILD", version), "[/* files of the build */]", JSON.stringify(names)));
