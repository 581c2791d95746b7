/** The files that this page sends: by a code, or offered to a peer. */
import { $, button, element, quoted, write } from "./element.js";
import { count, size } from "./format.js";
import { copied } from "./copy_button.js";
import { tell } from "./messages.js";

/** Rows by number, each with `over` once it has ended. */
const rows = new Map();
let last = 0;
/** Files for the next code, by name; a file that is added again may have changed. */
const chosen = new Map();

export const sends = () => [...rows.values()].some(({ over }) => !over);

const total = (files) => `${count(files.length)}, ${size(files.reduce((sum, [file]) => sum + file.size, 0))}`;

/** Adds `[file, name]` pairs for the next code. */
export function add(files) {
  for (const file of files) chosen.set(file[1], file);
  $("chosen").hidden = !chosen.size;
  const names = [...chosen.keys()].slice(0, 3).join(", ");
  write("chosen-names", names + (chosen.size > 3 ? ", …" : ""));
  write("chosen-sum", total([...chosen.values()]));
}

function clear() {
  chosen.clear();
  add([]);
}

function begin(files, ...title) {
  const id = ++last;
  const state = element("p", { className: "quiet", role: "status" });
  const stop = button("Stop", total(files), () => (rows.get(id).over ? forget(id) : tell("stopSending", id)));
  const head = element("div", { className: "bar" }, element("p", {}, ...title, element("span", { className: "quiet" }, ` ${total(files)}`)), stop);
  const li = element("li", { "data-name": `${id}` }, head, state);
  rows.set(id, { li, state, stop });
  $("sendings").prepend(li);
  $("sending").hidden = false;
  $("sending-title").focus();
  sending(id, "begun", "One moment…");
  return id;
}

function forget(id) {
  rows.get(id).li.remove();
  rows.delete(id);
  $("sending").hidden = !rows.size;
}

/** Shows the state of one: `begun`, `waiting`, `open`, `done` or `failed`. */
export function sending(id, state, text) {
  const row = rows.get(id);
  row.li.dataset.state = state;
  row.state.textContent = text;
  row.state.className = state === "failed" ? "fault" : "quiet";
  row.over = state === "done" || state === "failed";
  if (!row.over) return;
  row.stop.textContent = row.stop.ariaLabel = "OK";
  row.li.querySelector(".code")?.remove();
}

/** Shows the code by which files can be fetched now. */
export function code(id, code, link, command, qr) {
  const parts = [copied(code, "code"), copied(link, "link")];
  const terminal = element("details", {}, element("summary", {}, "In a terminal"), copied(command, "command"));
  const box = element("div", { className: "code" }, element("div", {}, ...parts, terminal));
  if (qr) {
    const picture = element("div", { className: "qr", role: "img", ariaLabel: "The link as a QR code" });
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", `0 0 ${qr.size} ${qr.size}`);
    svg.append(document.createElementNS(svg.namespaceURI, "path"));
    svg.firstChild.setAttribute("d", qr.path);
    picture.append(svg);
    box.append(picture);
  }
  rows.get(id).state.before(box);
}

$("make-code").onclick = () => {
  const files = [...chosen.values()];
  tell("send", begin(files, element("b", {}, "By a code")), files, new URL(".", location).href);
  clear();
};
$("unchoose").onclick = clear;

/** Lets the user choose files to offer. */
export function offerTo(nick) {
  const input = $("offer-files");
  input.onchange = () => {
    offerFiles(nick, [...input.files].map((file) => [file, file.name]));
    input.value = "";
  };
  input.click();
}

export function offerFiles(nick, files) {
  if (!files.length) return;
  const id = begin(files, "To ", quoted(nick));
  tell("offer", id, nick, files);
}
