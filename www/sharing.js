/** What we share: dropped or chosen, and each can be stopped. */
import { $, button, element, notice, quoted } from "./element.js";
import { count, size } from "./format.js";
import { steps } from "./steps.js";

export function sharing(tell) {
  const list = steps($("shares"), ({ name, folder, files, size: bytes }) =>
    element(
      "li",
      { "data-name": name },
      element("span", { className: "name" }, element("span", { className: "own" }, quoted(name), folder ? "/" : "")),
      element("span", { className: "size" }, folder ? `${count(files, "file")}, ${size(bytes)}` : size(bytes)),
      button("Stop", "stop", () => tell("stop", name), { ariaLabel: `Stop sharing ${name}` }),
    ),
  );

  for (const input of [$("files"), $("folder")]) {
    input.onchange = () => {
      tell("share", [...input.files].map((file) => [file, file.webkitRelativePath || file.name]));
      input.value = "";
    };
  }
  // Phones have no folders to choose from.
  $("folder-field").hidden = !("webkitdirectory" in $("folder"));

  $("ask").checked = localStorage.ask !== "no";
  $("ask").onchange = () => {
    localStorage.ask = $("ask").checked ? "yes" : "no";
    tell("ask", $("ask").checked);
  };

  const target = document.body.dataset;
  let over = 0;
  const hasFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
  window.ondragenter = (event) => hasFiles(event) && (over++, (target.drop = ""));
  window.ondragleave = (event) => hasFiles(event) && !--over && delete target.drop;
  window.ondragover = (event) => hasFiles(event) && event.preventDefault();
  window.ondrop = async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    over = 0;
    delete target.drop;
    // The entries are there only until the first wait.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    for (const entry of entries) {
      try {
        await walk(entry, (files) => tell("share", files));
      } catch (error) {
        notice(`${entry.name} cannot be read: ${error.message}`);
      }
    }
  };

  return { show: (groups) => list.set(groups) };
}

/** Gives the files of a folder, and of the folders in it, some at a time. */
async function walk(entry, give) {
  if (entry.isFile) {
    const file = await new Promise((...done) => entry.file(...done));
    return give([[file, entry.fullPath.slice(1)]]);
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
