/** The files and empty folders that this page shares, dropped or chosen. */
import { $, button, element, quoted, steps } from "./element.js";
import { count, size } from "./format.js";
import { compare } from "./language.js";
import { tell } from "./messages.js";
import { takeFrom } from "./file_input.js";
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
  takeFrom($(id), give);
}

const ask = $("ask");
const asked = () => tell("ask", ask.checked);
ask.checked = kept("ask") !== "false";
ask.onchange = () => {
  keep("ask", ask.checked);
  asked();
};
asked();
