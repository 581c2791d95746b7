/** The dialog that shows all files of an offer before any is fetched. */
import * as attention from "./attention.js";
import { $, element, fileName, notice, phrase, quoted, steps, write } from "./element.js";
import { contents, size } from "./format.js";
import { compare, onReword, put, say } from "./language.js";
import { securityOf } from "./privacy.js";
import { roomFor } from "./room.js";
import { choose, chosen, destination, stored, taken, target } from "./target.js";
import * as title from "./title.js";

/** The most names that are looked up in the folder. */
const MAX_LOOKUPS = 2000;

const dialog = $("manifest");
/** Open offers: `{ id, session, nick, byCode, files, settle }`, the first on the screen. */
const asks = [];
let open = [];
let wanted;
let here = new Set();
/** Takes the question out of the title. */
let answered;

const list = steps("manifest-list", (file) => {
  const box = element("input", { type: "checkbox", checked: wanted.has(file) });
  box.onchange = () => {
    if (box.checked) wanted.add(file);
    else wanted.delete(file);
    sum();
  };
  return element(
    "li",
    { "data-name": file.name },
    // A text's name says nothing: it is shown, and not stored.
    element("label", {}, box, file.text ? phrase("span", { className: "name", "data-is": "text" }, "a-message") : fileName(file.name)),
    here.has(file.name) ? phrase("span", { className: "mark", "data-is": "taken" }, "name-taken") : "",
    element("span", { className: "size" }, file.folder ? say("empty-folder") : size(file.size)),
  );
});

/** Asks about an offer. Calls its `settle` with the wanted files and their target, or without any. */
export function ask(one) {
  asks.push({ ...one, files: [...one.files].sort((a, b) => compare(a.name, b.name)) });
  if (!dialog.open) next();
}

/** Closes an offer that was withdrawn. */
export function drop(id) {
  const at = asks.findIndex((one) => one.id === id);
  if (at < 0) return;
  const { nick } = asks[at];
  notice("withdrawn", { nick: quoted(nick ?? say("a-peer")) });
  asks[at].settle = () => {};
  if (at) asks.splice(at, 1);
  else dialog.close();
}

export function sessions(all) {
  open = all;
  if (dialog.open) who();
}

function next() {
  const { nick, byCode, files } = asks[0];
  wanted = new Set(files);
  here = new Set();
  const values = (nick) => ({ nick, files: contents(files) });
  const text = byCode ? "behind-code" : "offers-you";
  put($("manifest-title"), text, () => values(quoted(nick ?? say("a-peer"))));
  const asked = () => say(text, values(nick ?? say("a-peer")));
  answered = title.ask(asked);
  // The user who has just entered a code waits for this question.
  if (!byCode) attention.call("offer", asked());
  who();
  list(files);
  dialog.showModal();
  sum();
  look();
}

function who() {
  const { session, nick, byCode } = asks[0];
  const its = open.find((one) => one.id === session || one.nick === nick);
  const box = $("manifest-who");
  const made = its ? [securityOf(byCode ? say("the-sender") : (nick ?? say("a-peer")), its)] : [];
  // Screen readers announce only a text that differs.
  if (made[0]?.outerHTML !== box.firstChild?.outerHTML) box.replaceChildren(...made);
}

const bytes = () => [...wanted].reduce((sum, file) => sum + file.size, 0);

function sum() {
  const { files } = asks[0];
  const all = wanted.size === files.length;
  $("manifest-all").checked = all;
  $("manifest-all").indeterminate = wanted.size && !all;
  const values = () => ({ some: wanted.size, files: contents(files), size: size(bytes()) });
  put($("manifest-sum"), all ? "all-files" : "some-files", values);
  $("manifest-yes").disabled = !wanted.size;
  room();
}

async function room() {
  const needs = bytes();
  const isDownload = !chosen() && !self.showSaveFilePicker;
  const has = isDownload ? await roomFor(needs) : needs;
  if (!dialog.open || needs !== bytes()) return;
  const short = has < needs;
  $("manifest-room").className = short ? "fault" : "quiet";
  if (short) put($("manifest-room"), "space-has", () => ({ needs: size(needs), has: size(has) }));
  else if (isDownload && has === needs) put($("manifest-room"), "space-fits");
  else write("manifest-room", "");
}

/** Shows where the files go, and which of their names are taken there. */
async function look() {
  const [one] = asks;
  write("manifest-place", destination(one.files));
  $("manifest-folder").hidden = !self.showDirectoryPicker || !stored(one.files).length;
  const found = await taken(one.files.slice(0, MAX_LOOKUPS).map(({ name }) => name));
  if (one !== asks[0]) return;
  here = found;
  if (here.size) list(one.files);
  if (here.size) put($("manifest-taken"), "taken", { number: here.size });
  else write("manifest-taken", "");
  room();
}

$("manifest-all").onchange = ({ target: { checked } }) => {
  wanted = new Set(checked ? asks[0].files : []);
  list(asks[0].files);
  sum();
};
$("manifest-no").onclick = () => dialog.close();
$("manifest-folder").onclick = () => choose().then(look, complain);
$("manifest-yes").onclick = async () => {
  const [one] = asks;
  const files = one.files.filter((file) => wanted.has(file));
  try {
    const into = await target(files);
    if (one !== asks[0]) return;
    const { settle } = one;
    one.settle = () => settle(files, into);
    dialog.close();
  } catch (error) {
    complain(error);
  }
};

function complain({ name, message }) {
  // The user has closed the dialog.
  if (name !== "AbortError") notice("error-other", { detail: message });
}

onReword(() => dialog.open && look());

dialog.onclose = () => {
  answered();
  asks.shift().settle();
  if (asks.length) next();
};
