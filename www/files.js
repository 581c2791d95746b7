/** The listing of a peer, and the choice of files from it. */
import { $, button, element, fileName, notice, quoted, steps, write } from "./element.js";
import { goOnlineAsGuest, isIdle } from "./connection.js";
import { explain } from "./errors.js";
import { count, size } from "./format.js";
import { compare, onReword, put, say } from "./language.js";
import { unwrapped } from "./pasted.js";
import { showSecurity, stopped } from "./privacy.js";
import { tell } from "./messages.js";
import { chosen as folder, destination, forget, target } from "./target.js";

/** The most files that are sorted: it takes a moment, and the peer has sorted them in its own way. */
const MAX_SORTED = 50_000;

let nick = "";
let all = [];
let found = all;
let complete;
let chosen = new Set();

const list = steps("list", (file) => {
  const box = element("input", { type: "checkbox", checked: chosen.has(file) });
  box.onchange = () => {
    if (box.checked) chosen.add(file);
    else chosen.delete(file);
    offer();
  };
  return element(
    "li",
    { "data-name": file.name },
    element("label", {}, box, fileName(file.name)),
    element("span", { className: "size" }, !file.approximate ? size(file.size) : file.size ? say("about-size", { size: size(file.size) }) : "?"),
    button("get", file.name, () => get([file])),
  );
});

/** Shows the files of a peer, whom it calls if this page is online; none without a nick. */
export function browse(peer, isOnline = true) {
  const before = nick;
  nick = peer;
  all = found = [];
  chosen = new Set();
  complete = false;
  $("filter").value = "";
  $("tools").hidden = $("again").hidden = true;
  $("peer-meant").hidden = true;
  if (nick) state("", "connecting");
  list(all);
  if (nick && isOnline) tell("open", nick);
  else if (before) tell("leave");
}

/** Lists again once the page is back online, unless the listing is complete. */
export const reopen = () => complete || browse(nick);

/** Lists again once the peer's old key is forgotten. */
export function again(peer) {
  if (peer !== nick || complete) return;
  showSecurity(nick);
  browse(nick);
}

/** Shows a part of the listing, its end, or the `{ code, message }` of its failure. */
export function listing(peer, how, part, error) {
  if (peer !== nick) return;
  const whole = found === all;
  for (const file of part) all.push(file);
  complete = how === "end";
  if (complete && all.length <= MAX_SORTED) all.sort((a, b) => compare(a.name, b.name));
  $("again").hidden = how === "part";
  $("tools").hidden = !all.length;
  if (!error) showCount();
  else if (stopped(nick, error)) write("peer-state", "");
  else {
    state("fault", "error", () => ({ error: explain(error) }));
    suggest();
  }
  if (whole) list(all, !complete);
  else filter();
  offer();
}

/** Suggests the nick that is left without the punctuation of a sentence at the end of a link. */
function suggest() {
  const meant = unwrapped(nick);
  if (!meant || meant === nick) return;
  const link = element("a", { href: `#${encodeURIComponent(meant)}` }, quoted(meant));
  put($("peer-meant"), "did-you-mean", { nick: link });
  $("peer-meant").hidden = false;
}

function state(name, id, values) {
  $("peer-state").className = name;
  put($("peer-state"), id, values);
}

function showCount() {
  const id = complete ? (all.length ? "sum" : "nothing-shared") : "files-so-far";
  state("quiet", id, () => ({ sum: count(all.length) }));
}

function filter() {
  const words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const has = ({ name }) => words.every((word) => name.toLowerCase().includes(word));
  found = words.length ? all.filter(has) : all;
  list(found);
  offer();
}

/** Returns the files that the main button fetches: the chosen ones, or else those that match the filter. */
const offered = () => (chosen.size ? [...chosen] : found);

function offer() {
  const some = offered();
  const which = chosen.size ? "get-chosen" : found === all ? "get-all" : "get-found";
  const bytes = some.reduce((sum, file) => sum + file.size, 0);
  put($("get-many"), which, () => ({ files: count(some.length), size: size(bytes) }));
  $("get-many").disabled = !some.length;
  $("elsewhere").hidden = !folder();
  write("into", destination(some));
}

let soon;
$("filter").oninput = () => {
  clearTimeout(soon);
  soon = setTimeout(filter, 120);
};
$("get-many").onclick = () => get(offered());
$("again").onclick = () => browse(nick);
$("elsewhere").onclick = () => {
  forget();
  offer();
};

/** Asks where to save files, if the browser can; otherwise they become downloads. */
export async function get(files, from = nick) {
  try {
    tell("get", from, files, await target(files));
    // The rest of a file behind a code needs no nick.
    if (isIdle()) goOnlineAsGuest();
  } catch ({ name, message }) {
    // The user has closed the dialog.
    if (name !== "AbortError") notice("error-other", { detail: message });
  }
  offer();
}

onReword(offer);
