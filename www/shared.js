/**
 * What other apps give this page: files that its user opens with it (`launchQueue`), and what another app or website
 * shares with it, which `service_worker.js` has stored. Nothing of it is sent without the user.
 */
import { $, button, element, notice, phrase, quoted } from "./element.js";
import { contents, size } from "./format.js";

/** The most names that are shown. */
const MAX_NAMED = 5;

const folder = new URL(".", location).href;
const cacheName = `${folder}shared`;

/** `add` takes `[file, name]` pairs, and texts as `[text]`, for the next code. */
export function takeShared(add) {
  self.launchQueue?.setConsumer(async ({ files = [] }) => {
    for (const handle of files) {
      const take = (file) => add([[file, file.name]]);
      await handle.getFile().then(take).catch(({ message }) => notice("not-read", { name: handle.name, detail: message }));
    }
  });
  const how = /^\?(shared|not-shared)$/.exec(location.search)?.[1];
  if (!how) return;
  // A reload asks nothing again.
  history.replaceState(null, "", location.pathname + location.hash);
  if (how === "shared") stored().then((all) => all.length && ask(all, add)).catch(() => notice("not-taken"));
  else notice("not-taken");
}

/** Returns what the service worker has stored, and deletes it: files stay readable as long as this page holds them. */
async function stored() {
  const cache = await caches.open(cacheName);
  const { files = [], text } = (await (await cache.match(`${folder}shared`))?.json()) ?? {};
  const all = [];
  for (const [at, { name, type }] of files.entries()) {
    const blob = await (await cache.match(`${folder}shared/${at}`)).blob();
    all.push([new File([blob], name, { type }), name]);
  }
  await caches.delete(cacheName);
  return text ? [...all, [text]] : all;
}

const isText = ([one]) => typeof one === "string";

/** Asks what to do with it. A link to this page is one to receive by. */
function ask(all, add) {
  const link = isText(all[0]) && all[0][0].split(/\s+/).find((word) => word.startsWith(folder) && word.includes("#"));
  if (link) {
    $("code").value = link;
    return $("code").focus();
  }
  const bytes = all.reduce((sum, [one]) => sum + (one.size ?? new Blob([one]).size), 0);
  const names = all.slice(0, MAX_NAMED).map(([one, name]) => element("li", {}, quoted(name ?? one, "name")));
  const rest = all.length - names.length;
  if (rest) names.push(phrase("li", {}, "and-more", { number: rest }));
  const title = phrase("h2", { tabIndex: -1, id: "shared-title" }, "shared-title");
  const choose = button("add", "", () => close(() => add(all)));
  choose.className = "main";
  const card = element(
    "section",
    { id: "shared", className: "card" },
    title,
    phrase("p", {}, "shared-how"),
    element("ul", {}, ...names),
    element("div", { className: "bar" }, phrase("p", {}, "sum", () => ({ sum: `${contents(all, isText)}, ${size(bytes)}` })), button("discard", "", () => close()), choose),
  );
  card.setAttribute("aria-labelledby", title.id);
  function close(then = () => {}) {
    card.remove();
    then();
    $("home-title").focus();
  }
  $("home").before(card);
  title.focus();
}
