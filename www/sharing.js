/** The files and empty folders that this page shares, dropped or chosen. */
import { $, button, element, notice, quoted, steps } from "./element.js";
import { count, size } from "./format.js";
import { compare } from "./language.js";
import { tell } from "./messages.js";
import { add } from "./sending.js";
import { kept, keep } from "./browser_storage.js";

/** Pictures that are shared by themselves, by name. */
const pictures = new Map();

const list = steps("shares", ({ name, folder, files, size: bytes }) => {
  const row = element(
    "li",
    { "data-name": name },
    element("span", { className: "name" }, quoted(name)),
    element("span", { className: "size" }, folder ? `${count(files)}, ${size(bytes)}` : size(bytes)),
    button("stop", name, () => tell("stop", name)),
  );
  const picture = pictures.get(name);
  const slot = picture && element("span", { className: "preview" });
  if (picture) row.prepend(slot);
  if (picture) import("./previews.js").then(({ isPicture, preview }) => (isPicture(picture) ? preview(picture, slot) : slot.remove()));
  return row;
});

export function shares(all) {
  const names = new Set(all.map(({ name }) => name));
  const before = pictures.size;
  for (const name of pictures.keys()) if (!names.has(name)) pictures.delete(name);
  if (before) import("./previews.js").then(({ keep }) => keep(new Set(pictures.values())));
  list(all.sort((a, b) => compare(a.name, b.name)));
}

export function share(files) {
  for (const [file, name] of files) if (file?.type.startsWith("image/")) pictures.set(name, file);
  tell("share", files);
}

for (const [id, give] of [["files", share], ["folder", share], ["send-files", add], ["send-folder", add]]) {
  const input = $(id);
  // Unlike the input, a handle tells of empty folders.
  if (input.webkitdirectory && self.showDirectoryPicker) input.onclick = (event) => pick(event, give);
  input.onchange = () => {
    give([...input.files].map((file) => [file, file.webkitRelativePath || file.name]));
    input.value = "";
  };
}

async function pick(event, give) {
  event.preventDefault();
  try {
    const folder = await showDirectoryPicker({ id: "xcher-send" });
    await walkHandle(folder, folder.name, give);
  } catch ({ name, message }) {
    // The user has closed the dialog.
    if (name !== "AbortError") notice("error-other", { detail: message });
  }
}

/** Passes on the files of a folder, and of the folders in it, folder by folder; of an empty one its name. */
async function walkHandle(folder, path, give) {
  const [files, folders] = [[], []];
  for await (const handle of folder.values()) {
    if (handle.kind === "directory") folders.push(handle);
    else files.push([await handle.getFile(), `${path}/${handle.name}`]);
  }
  give(files.length + folders.length ? files : [[null, path]]);
  for (const each of folders) await walkHandle(each, `${path}/${each.name}`, give);
}

const ask = $("ask");
const asked = () => tell("ask", ask.checked);
ask.checked = kept("ask") !== "false";
ask.onchange = () => {
  keep("ask", ask.checked);
  asked();
};
asked();
