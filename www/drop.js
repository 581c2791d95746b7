/** Files and texts that are dropped or pasted: for the person they are dropped on or whose view is open, or else for a code. */
import { isCode } from "./codes.js";
import { $, notice } from "./element.js";
import { add, offerFiles, writeText } from "./sending.js";
import { share } from "./sharing.js";

const body = document.body.dataset;

/** Returns the person that something at this element is for. */
function personAt(element) {
  const nick = element.closest?.("#people li")?.dataset.name ?? (body.view === "peer" ? $("peer-title").textContent : "");
  return isCode(nick) ? "" : nick;
}

function forCode(files) {
  if (body.view !== "home") location.hash = "";
  add(files);
}

ondragover = (event) => {
  event.preventDefault();
  body.drop = "";
};
ondragleave = (event) => event.relatedTarget || delete body.drop;
ondrop = async (event) => {
  event.preventDefault();
  delete body.drop;
  const { target } = event;
  const person = personAt(target);
  const give = target.closest?.("#drop") ? share : forCode;
  const offered = [];
  const take = person ? (files) => files.forEach((file) => offered.push(file)) : give;
  // The entries are available only until the first await.
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  const text = entries.length ? "" : event.dataTransfer.getData("text");
  if (text && (person || target.closest?.("#give"))) return writeText(person, text);
  for (const entry of entries) {
    await walk(entry, take).catch(({ message }) => notice("not-read", { name: entry.name, detail: message }));
  }
  if (person) offerFiles(person, offered);
};

/** Takes pasted files, such as a picture of the screen, and texts: on the first screen a text is a code. */
document.onpaste = (event) => {
  const { target, clipboardData } = event;
  if (target.closest?.("input, textarea") || document.querySelector("dialog[open]")) return;
  const files = [...clipboardData.files].map((file) => [file, file.name]);
  const person = personAt(target);
  const text = clipboardData.getData("text");
  if (files.length && person) offerFiles(person, files);
  else if (files.length) forCode(files);
  else if (text && person) writeText(person, text);
  else if (body.view === "home") {
    $("code").value = text.trim().slice(0, 1000);
    $("code").focus();
  } else return;
  event.preventDefault();
};

/** Passes on the files of a folder, and of the folders in it, some at a time; of an empty one its name. */
async function walk(entry, give) {
  if (entry.isFile) {
    return give([[await new Promise((...done) => entry.file(...done)), entry.fullPath.slice(1)]]);
  }
  const reader = entry.createReader();
  for (let isEmpty = true; ; isEmpty = false) {
    const some = await new Promise((...done) => reader.readEntries(...done));
    if (!some.length) return isEmpty && give([[null, entry.fullPath.slice(1)]]);
    const files = [];
    for (const each of some) await walk(each, (found) => files.push(...found));
    give(files);
  }
}
