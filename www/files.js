/** The listing of a peer, and the choice of files from it. */
import { $, button, element, fileName, notice, steps, write } from "./element.js";
import { isCode } from "./codes.js";
import { count, size } from "./format.js";
import { ask } from "./manifest.js";
import { showSecurity, stopped } from "./privacy.js";
import { tell } from "./messages.js";
import { chosen as folder, destination, forget, target } from "./target.js";

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
    element("span", { className: "size" }, !file.approximate ? size(file.size) : file.size ? `about ${size(file.size)}` : "?"),
    button("Get", file.name, () => get([file])),
  );
});

export function browse(peer) {
  nick = peer;
  all = found = [];
  chosen = new Set();
  complete = false;
  $("filter").value = "";
  $("tools").hidden = $("again").hidden = true;
  state("", nick && "Connecting…");
  list(all);
  if (nick) tell("open", nick);
  else tell("leave");
}

/** Lists again once the page is back online, unless the listing is complete. */
export const reopen = () => complete || browse(nick);

/** Lists again once the peer's old key is forgotten. */
export function again(peer) {
  if (peer !== nick || complete) return;
  showSecurity(nick);
  browse(nick);
}

export function listing(peer, how, part, why, code) {
  if (peer !== nick) return;
  if (stopped(nick, code)) why = "";
  const whole = found === all;
  for (const file of part) all.push(file);
  complete = how === "end";
  $("again").hidden = how === "part";
  $("tools").hidden = !all.length;
  state(why && "fault", why);
  if (whole) list(all, true);
  else filter();
  offer();
  if (how === "end" && all.length && isCode(nick)) decide();
}

/** Asks about all files behind a code before any is fetched; declining ends the session. */
function decide() {
  const from = nick;
  const settle = (files, target) => {
    if (files) return tell("get", from, files, target);
    tell("bye", from);
    if (from === nick) location.hash = "";
  };
  ask({ nick: from, files: all, settle });
}

function state(name = "quiet", text) {
  const files = all.length ? count(all.length) : "No files are shared";
  $("peer-state").className = name;
  write("peer-state", text ?? files + (complete ? "" : " so far…"));
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
  const which = chosen.size ? "chosen" : found === all ? "all" : "found";
  write("get-many", `Get ${which}: ${count(some.length)}, ${size(some.reduce((sum, file) => sum + file.size, 0))}`);
  $("get-many").disabled = !some.length;
  $("elsewhere").hidden = !folder();
  write("into", destination());
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
  } catch ({ name, message }) {
    // The user has closed the dialog.
    if (name !== "AbortError") notice(message);
  }
  offer();
}
