/**
 * Opens the page without a network: keeps the files of one build, whole or not at all. The document comes from the
 * server whenever that answers, and names its build, whose files are never mixed with those of another.
 *
 * `cargo pack` names the build and its files here, each with its digest. The page as written has no build: then this
 * worker removes itself. One file without imports, because some browsers have no modules in service workers.
 */
const { name: build, files } = self.build ?? {};
/** The folder of the page, with a slash at its end. A cache is named by it, because an origin may have several pages. */
const { scope } = registration;
const CACHES = `${scope}build-`;
/** Time for the server to send the document, in milliseconds. */
const DOCUMENT_TIMEOUT = 5000;

const url = (path) => new URL(path, scope).href;
const cacheName = () => `${scope}${build}`;

oninstall = (event) => event.waitUntil(build ? store() : skipWaiting());
onactivate = (event) => event.waitUntil(build ? replaceOthers() : leave());

/** Stores all files as they were packed, or fails: then the browser tries again at the next visit. */
async function store() {
  const cache = await caches.open(cacheName());
  const asked = Object.entries(files).map(([path, integrity]) => new Request(url(path), { integrity, redirect: "error" }));
  try {
    await cache.addAll(asked);
  } catch (error) {
    await caches.delete(cacheName());
    throw error;
  }
  // The documents of other builds lose nothing by it: their files have other names.
  await skipWaiting();
}

/** Keeps the build before this one, too: its documents may still be open. */
async function replaceOthers() {
  const others = (await caches.keys()).filter((each) => each.startsWith(CACHES) && each !== cacheName());
  await Promise.all(others.slice(0, -1).map((each) => caches.delete(each)));
  await clients.claim();
}

async function leave() {
  const own = (await caches.keys()).filter((each) => each.startsWith(CACHES));
  await Promise.all(own.map((each) => caches.delete(each)));
  await registration.unregister();
}

/** Answers for the document and the files of builds; all else, `config.json` too, is between page and server. */
onfetch = (event) => {
  const { request } = event;
  if (!build || !request.url.startsWith(scope)) return;
  const [path] = request.url.slice(scope.length).split(/[?#]/);
  if (request.method === "POST" && request.mode === "navigate" && path === SHARE_TARGET) event.respondWith(take(request));
  if (request.method !== "GET") return;
  if (request.mode === "navigate" && (path === "" || path === "index.html")) {
    event.respondWith(documentFor(request));
    event.waitUntil(deleteOldShared());
  }
  if (path.startsWith("build-")) event.respondWith(part(request));
};

async function documentFor(request) {
  // Without navigation preload: where the server is gone, Firefox fails although this worker answers.
  const answer = fetch(request);
  const late = new Promise((resolve) => setTimeout(resolve, DOCUMENT_TIMEOUT));
  const found = await Promise.race([answer.catch(() => {}), late]);
  // A proxy answers in place of a server that is gone.
  if (found && found.status < 500) return found;
  return (await kept(url("index.html"))) ?? answer;
}

const kept = async (at) => (await caches.open(cacheName())).match(at, { ignoreVary: true });

async function part(request) {
  return (await caches.match(request, { ignoreVary: true })) ?? fetch(request);
}

/**
 * What other apps share with the page (Web Share Target). Any website can send the same request, so nothing is trusted:
 * it is bounded, waits in a cache of its own, replaces what waited there, and the page asks its user what to do with it.
 */
const SHARE_TARGET = "share-target";
const SHARED = `${scope}shared`;
const MAX_SHARED_FILES = 500;
const MAX_SHARED_SIZE = 2 * 2 ** 30;
const MAX_SHARED_TEXT_LEN = 64 * 1024;
/** In milliseconds. */
const MAX_SHARED_AGE = 600_000;

async function take(request) {
  const isStored = await storeShared(request).then(() => true, () => false);
  if (!isStored) await caches.delete(SHARED);
  return Response.redirect(url(isStored ? "?shared" : "?not-shared"), 303);
}

async function storeShared({ headers, body }) {
  const form = await new Response(limited(body), { headers: { "content-type": headers.get("content-type") } }).formData();
  // A form without files sends an empty one without a name.
  const files = form.getAll("files").filter((file) => file instanceof File && (file.name || file.size));
  const words = ["title", "text", "url"].map((field) => form.get(field)).filter((word) => typeof word === "string" && word);
  // Many apps repeat the URL in the text.
  const isRepeated = (word, at) => words.some((other, index) => index !== at && other.includes(word) && (other !== word || index < at));
  const text = words.filter((word, at) => !isRepeated(word, at)).join("\n");
  if (files.length > MAX_SHARED_FILES || text.length > MAX_SHARED_TEXT_LEN) throw new RangeError("too much");
  await caches.delete(SHARED);
  const cache = await caches.open(SHARED);
  const at = Date.now();
  await cache.put(url("shared"), Response.json({ at }));
  for (const [index, file] of files.entries()) await cache.put(url(`shared/${index}`), new Response(file));
  // The last part of a name alone: a path is none that the user chose.
  const named = files.map(({ name, type }) => ({ name: name.split(/[\\/]/).pop() || "file", type }));
  await cache.put(url("shared"), Response.json({ files: named, text, at }));
}

/** Deletes what no page has asked its user about. */
async function deleteOldShared() {
  if (!(await caches.has(SHARED))) return;
  const list = await (await caches.open(SHARED)).match(url("shared"));
  const { at } = (await list?.json()) ?? {};
  if (!(Math.abs(Date.now() - at) < MAX_SHARED_AGE)) await caches.delete(SHARED);
}

/** Passes on a body of a limited size; it fails beyond. */
function limited(body) {
  let size = 0;
  return body.pipeThrough(new TransformStream({
    transform(bytes, out) {
      size += bytes.length;
      if (size > MAX_SHARED_SIZE) throw new RangeError("too much");
      out.enqueue(bytes);
    },
  }));
}
