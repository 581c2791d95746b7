/** The files and texts that this page sends: by a code, or offered to a peer. */
import { $, button, element, phrase, quoted, write } from "./element.js";
import { explain, explainMissing } from "./errors.js";
import { takeFrom } from "./file_input.js";
import { contents, size } from "./format.js";
import { copied } from "./copy_button.js";
import { label, put, say } from "./language.js";
import { tell } from "./messages.js";
import { qrPicture } from "./qr_picture.js";

/** Rows by number, each with `over` once it has ended. */
const rows = new Map();
let last = 0;
/** The most characters of a text that stand for it. */
const MAX_EXCERPT_LEN = 32;
/** Files for the next code, by name, and texts; a file that is added again may have changed. */
const chosen = new Map();

export const sends = () => [...rows.values()].some(({ over }) => !over);

const isText = ([file]) => typeof file === "string";
const kindOf = (one) => (isText(one) ? "texts" : one[0] ? "files" : "folders");
const sizeOf = (one) => (isText(one) ? new Blob(one).size : (one[0]?.size ?? 0));
const total = (files) => `${contents(files, kindOf)}, ${size(files.reduce((sum, one) => sum + sizeOf(one), 0))}`;

/** Returns a file's name, or the beginning of a text. */
function titleOf(one) {
  const [text, name] = one;
  if (!isText(one)) return name;
  const start = text.trim().replace(/\s+/g, " ");
  return start.length > MAX_EXCERPT_LEN ? `${start.slice(0, MAX_EXCERPT_LEN)}…` : start;
}

/** Adds `[file, name]` pairs, empty folders as `[null, name]` and texts as `[text]`, for the next code. */
export function add(files) {
  // No name has a line break.
  for (const one of files) chosen.set(isText(one) ? `\n${one[0]}` : one[1], one);
  $("chosen").hidden = !chosen.size;
  const names = [...chosen.values()].slice(0, 3).map(titleOf).join(", ");
  write("chosen-names", names + (chosen.size > 3 ? ", …" : ""));
  put($("chosen-sum"), "sum", () => ({ sum: total([...chosen.values()]) }));
}

function clear() {
  chosen.clear();
  add([]);
}

function begin(files, title, values) {
  const id = ++last;
  const state = element("p", { className: "quiet", role: "status" });
  const stop = button("stop", total(files), () => (rows.get(id).over ? forget(id) : tell("stopSending", id)));
  const sum = phrase("span", { className: "quiet" }, "sum", () => ({ sum: total(files) }));
  const head = element("div", { className: "bar" }, element("p", {}, phrase("span", {}, title, values), " ", sum), stop);
  const li = element("li", { "data-name": `${id}` }, head, state);
  rows.set(id, { li, state, stop });
  $("sendings").prepend(li);
  $("sending").hidden = false;
  $("sending-title").focus();
  sending(id, "begun", [["one-moment"]]);
  return id;
}

function forget(id) {
  rows.get(id).li.remove();
  rows.delete(id);
  $("sending").hidden = !rows.size;
}

/** Shows the state of one, `begun`, `waiting`, `open`, `done` or `failed`, in sentences: `[id, values]` of each. */
export function sending(id, state, sentences) {
  const row = rows.get(id);
  row.li.dataset.state = state;
  row.state.replaceChildren(...sentences.flatMap(([text, values]) => [phrase("span", {}, text, () => filled(values)), " "]));
  row.state.className = state === "failed" ? "fault" : "quiet";
  row.over = state === "done" || state === "failed";
  if (!row.over) return;
  put(row.stop, "ok");
  label(row.stop, () => say("ok"));
  row.li.querySelector(".code")?.remove();
}

/** Words what the worker sends: errors, and files with the reason why each is missing. */
function filled({ error, missing, nick, ...values } = {}) {
  if (error) values.error = explain(error);
  if (missing) values.missing = missing.map((one) => `${one.name}: ${explainMissing(one)}.`).join(" ");
  if (nick !== undefined) values.nick = quoted(nick);
  return values;
}

/** Shows the code by which files can be fetched now. */
export function code(id, code, link, command, qr) {
  const parts = [copied(code, "code"), copied(link, "link")];
  const terminal = element("details", {}, phrase("summary", {}, "in-a-terminal"), copied(command, "command"));
  const box = element("div", { className: "code" }, element("div", {}, ...parts, terminal));
  if (qr) box.append(qrPicture(qr));
  rows.get(id).state.before(box);
}

$("make-code").onclick = () => {
  const files = [...chosen.values()];
  tell("send", begin(files, "by-a-code"), files, new URL(".", location).href);
  clear();
};
$("unchoose").onclick = clear;
$("send-text").onclick = () => writeText();

/** Lets the user choose what to offer, by the input for `files` or that for a `folder`. */
export function offerTo(nick, kind = "files") {
  const input = $(`offer-${kind}`);
  const offered = [];
  takeFrom(input, (files) => files.forEach((file) => offered.push(file)), () => offerFiles(nick, offered));
  input.click();
}

/** Lets the user write a text, or send one that is there: to a person, or without a nick by a code. */
export async function writeText(nick, text) {
  const { compose } = await import("./compose.js");
  const heading = nick ? ["text-to", () => ({ nick: quoted(nick) })] : ["text-by-code"];
  const written = await compose(heading, nick ? "send" : "add", text);
  if (!written) return;
  if (nick) return offerFiles(nick, [[written]]);
  add([[written]]);
  $("make-code").focus();
}

export function offerFiles(nick, files) {
  if (!files.length) return;
  const id = begin(files, "to-nick", { nick: quoted(nick) });
  tell("offer", id, nick, files);
}
