/** What someone else shares, to be fetched. */
import { $, button, element, fileName, steps, write } from "./element.js";
import { count, size } from "./format.js";
import { tell } from "./messages.js";

let nick = "";
let all = [];
let found = all;
let complete;
let chosen = new Set();
/** Where all goes, once it was chosen. */
let folder;

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
    element("span", { className: "size" }, (file.approximate ? "about " : "") + size(file.size)),
    button("Get", file.name, () => get([file])),
  );
});

/** Lists what someone shares; nobody's, if there is no nick. */
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

export function listing(whom, how, part, why) {
  if (whom !== nick) return;
  const whole = found === all;
  for (const file of part) all.push(file);
  complete = how === "end";
  $("again").hidden = how === "part";
  $("tools").hidden = !all.length;
  state(why && "fault", why);
  if (whole) list(all, true);
  else filter();
  offer();
}

function state(name = "quiet", text) {
  $("peer-state").className = name;
  write("peer-state", text ?? (all.length ? `${count(all.length)}${complete ? "" : " so far…"}` : "Shares nothing at the moment."));
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
  write(
    "into",
    folder
      ? `Into your folder “${folder.name}”, where nothing is replaced.`
      : self.showDirectoryPicker
        ? ""
        : "Into your downloads, one after the other: your browser may ask whether several are allowed.",
  );
}

let soon;
$("filter").oninput = () => {
  clearTimeout(soon);
  soon = setTimeout(filter, 120);
};
$("get-many").onclick = () => get(offered());
$("again").onclick = () => browse(nick);

/** Asks where to, where the browser can; it goes to the downloads where not. */
async function get(files) {
  const from = nick;
  const id = "xcher";
  let target = folder;
  try {
    if (files.length > 1) target = folder ??= await self.showDirectoryPicker?.({ id, mode: "readwrite" });
    else target ??= await self.showSaveFilePicker?.({ id, suggestedName: files[0].name.split("/").pop() });
    tell("get", from, files, target);
  } catch {
    // A change of mind.
  }
  offer();
}
