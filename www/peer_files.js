/** The listing of a peer, and the choice of files from it. Loaded only when it is needed. */
import { $, element, quoted, write } from "./element.js";
import { explain } from "./errors.js";
import { Folder } from "./file_tree.js";
import { FileTree, STEP } from "./file_tree_view.js";
import { contents, count, size } from "./format.js";
import { get as fetch } from "./get.js";
import { onReword, put } from "./language.js";
import { unwrapped } from "./pasted.js";
import { showSecurity, stopped } from "./privacy.js";
import { tell } from "./messages.js";
import { chosen as folder, destination, forget } from "./target.js";

let nick = "";
let all = [];
let found = all;
/** All files as a tree. */
let root = new Folder();
let complete;
/** Set once nothing more arrives. */
let isOver;
let chosen = new Set();

const tree = new FileTree($("list"), { changed: offer, get });

/** Shows the files of a peer, whom it calls if this page is online; none without a nick. */
export function browse(peer, isOnline = true) {
  const before = nick;
  nick = peer;
  all = found = [];
  chosen = new Set();
  complete = isOver = false;
  root = new Folder();
  tree.isTouched = false;
  $("filter").value = "";
  $("tools").hidden = $("again").hidden = true;
  $("peer-meant").hidden = true;
  if (nick) state("", "connecting");
  tree.show(root, chosen, false);
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
  for (const file of part) {
    all.push(file);
    root.add(file, false);
  }
  complete = how === "end";
  isOver = how !== "part";
  $("again").hidden = !isOver;
  $("tools").hidden = !all.length;
  if (!error) showCount();
  else if (stopped(nick, error)) write("peer-state", "");
  else {
    state("fault", "error", () => ({ error: explain(error) }));
    suggest();
  }
  if (!whole) filter();
  else if (isOver) showAll();
  else tree.grow();
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
  state("quiet", id, () => ({ sum: complete ? contents(all) : count(all.length) }));
}

function filter() {
  const words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const has = ({ name }) => words.every((word) => name.toLowerCase().includes(word));
  found = words.length ? all.filter(has) : all;
  if (found === all) showAll();
  else {
    const some = new Folder();
    for (const file of found) some.add(file, chosen.has(file));
    some.openSome(STEP);
    tree.show(some, chosen, isOver);
  }
  offer();
}

function showAll() {
  root.recount(chosen);
  if (isOver && !tree.isTouched) root.openSome(STEP);
  tree.show(root, chosen, isOver);
}

/** Returns the files that the main button fetches: the chosen ones, or else those that match the filter. */
const offered = () => (chosen.size ? [...chosen] : found);

function offer() {
  const some = offered();
  const which = chosen.size ? "get-chosen" : found === all ? "get-all" : "get-found";
  const bytes = some.reduce((sum, file) => sum + file.size, 0);
  put($("get-many"), which, () => ({ files: contents(some), size: size(bytes) }));
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

async function get(files) {
  await fetch(files, nick);
  offer();
}

onReword(offer);
