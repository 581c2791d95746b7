/** The files that this page shares, dropped or chosen. */
import { $, button, element, quoted, steps } from "./element.js";
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

export const share = (files) => tell("share", files);

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
