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
  if (!build || request.method !== "GET" || !request.url.startsWith(scope)) return;
  const [path] = request.url.slice(scope.length).split(/[?#]/);
  if (request.mode === "navigate" && (path === "" || path === "index.html")) event.respondWith(documentFor(request));
  else if (path.startsWith("build-")) event.respondWith(part(request));
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
