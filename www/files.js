/** What someone else shares, to be fetched. */
import { $, button, element, fileName, notice, steps, write } from "./element.js";
import { count, isCode, size } from "./format.js";
import { ask } from "./manifest.js";
import { secrecy, stopped } from "./privacy.js";
import { tell } from "./messages.js";
import { chosen as folder, forget, place, target } from "./target.js";

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

export function browse(whom) {
  nick = whom;
  all = found = [];
  chosen = new Set();
  complete = false;
  $("filter").value = "";
  $("tools").hidden = $("again").hidden = true;
  state("", nick && "Waiting for an answer…");
  list(all);
  if (nick) tell("open", nick);
  else tell("leave");
}

/** We are online again: what failed may do now. */
export const reopen = () => complete || browse(nick);

/** Their old key is forgotten. */
export function again(whom) {
  if (whom !== nick || complete) return;
  secrecy(nick);
  browse(nick);
}

export function listing(whom, how, part, why, code) {
  if (whom !== nick) return;
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

/** What a code is for is seen whole before any of it comes; who does not want it is done. */
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
  const files = all.length ? count(all.length) : "Nothing is shared";
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

/** What the one button fetches: the chosen, those that the filter lets through, or all. */
const offered = () => (chosen.size ? [...chosen] : found);

function offer() {
  const some = offered();
  const which = chosen.size ? "chosen" : found === all ? "all" : "found";
  write("get-many", `Get ${which}: ${count(some.length)}, ${size(some.reduce((sum, file) => sum + file.size, 0))}`);
  $("get-many").disabled = !some.length;
  $("elsewhere").hidden = !folder();
  write("into", place());
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

/** Asks where to, where the browser can; it goes to the downloads where not. */
export async function get(files, from = nick) {
  try {
    tell("get", from, files, await target(files));
  } catch ({ name, message }) {
    // That one is a change of mind.
    if (name !== "AbortError") notice(message);
  }
  offer();
}
