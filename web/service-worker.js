// Keeps the page for visits without a network, one version whole: what a visit begins with, it ends with. `finish.mjs`
// fills in the list.
const FILES = [/* files of the build */];
// Several builds may share an origin, each in a folder of its own.
const MINE = `foil-page ${registration.scope} `;
const CACHE = MINE + "VERSION_OF_BUILD";

addEventListener("install", (event) => {
  const fresh = FILES.map((file) => new Request(file, { cache: "no-cache" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(fresh)));
});

addEventListener("activate", (event) => {
  const old = (names) => names.filter((name) => name.startsWith(MINE) && name !== CACHE);
  const tidied = caches.keys().then((names) => Promise.all(old(names).map((name) => caches.delete(name))));
  // The first visit need not end before its files are answered from here.
  event.waitUntil(tidied.then(() => clients.claim()));
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const scope = new URL(registration.scope);
  if (request.method !== "GET" || url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return;
  const path = url.pathname.slice(scope.pathname.length);
  const file = ["", "index.html"].includes(path) ? "./" : path;
  if (!FILES.includes(file)) return;
  const kept = caches.open(CACHE).then((cache) => cache.match(new URL(file, scope)));
  event.respondWith(kept.then((response) => response ?? fetch(request)));
});
