/** The files that this page shares, dropped or chosen. */
import { $, button, element, notice, quoted, steps } from "./element.js";
import { count, size } from "./format.js";
import { compare } from "./language.js";
import { tell } from "./messages.js";
import { add } from "./sending.js";
import { kept, keep } from "./browser_storage.js";

const list = steps("shares", ({ name, folder, files, size: bytes }) =>
  element(
    "li",
    { "data-name": name },
    element("span", { className: "name" }, quoted(name)),
    element("span", { className: "size" }, folder ? `${count(files)}, ${size(bytes)}` : size(bytes)),
    button("stop", name, () => tell("stop", name)),
  ),
);

export const shares = (all) => list(all.sort((a, b) => compare(a.name, b.name)));

const share = (files) => tell("share", files);

for (const [id, give] of [["files", share], ["folder", share], ["send-files", add], ["send-folder", add]]) {
  const input = $(id);
  input.onchange = () => {
    give([...input.files].map((file) => [file, file.webkitRelativePath || file.name]));
    input.value = "";
  };
}

const ask = $("ask");
const asked = () => tell("ask", ask.checked);
ask.checked = kept("ask") !== "false";
ask.onchange = () => {
  keep("ask", ask.checked);
  asked();
};
asked();

ondragover = (event) => {
  event.preventDefault();
  document.body.dataset.drop = "";
};
ondragleave = (event) => event.relatedTarget || delete document.body.dataset.drop;
ondrop = async (event) => {
  event.preventDefault();
  delete document.body.dataset.drop;
  // By a code, unless dropped on the area for everyone.
  const give = event.target.closest?.("#drop") ? share : add;
  if (give === add && document.body.dataset.view !== "home") location.hash = "";
  // The entries are available only until the first await.
  for (const entry of [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry())) {
    if (entry) {
      await walk(entry, give).catch(({ message }) => notice("not-read", { name: entry.name, detail: message }));
    }
  }
};

/** Passes on the files of a folder, and of the folders in it, some at a time. */
async function walk(entry, give) {
  if (entry.isFile) {
    return give([[await new Promise((...done) => entry.file(...done)), entry.fullPath.slice(1)]]);
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((...done) => reader.readEntries(...done));
    if (!some.length) return;
    const files = [];
    for (const each of some) await walk(each, (found) => files.push(...found));
    give(files);
  }
}
