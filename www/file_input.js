/** Files and folders that the user chooses. */
import { notice } from "./element.js";

/** Passes on `[file, name]` pairs of what an input chooses, a part at a time, and an empty folder as `[null, name]`. */
export function takeFrom(input, give, over = () => {}) {
  // Unlike the input, a handle tells of empty folders.
  if (input.webkitdirectory && self.showDirectoryPicker) input.onclick = (event) => pick(event, give, over);
  input.onchange = () => {
    give([...input.files].map((file) => [file, file.webkitRelativePath || file.name]));
    input.value = "";
    over();
  };
}

async function pick(event, give, over) {
  event.preventDefault();
  try {
    const folder = await showDirectoryPicker({ id: "xcher-send" });
    await walk(folder, folder.name, give);
    over();
  } catch ({ name, message }) {
    // The user has closed the dialog.
    if (name !== "AbortError") notice("error-other", { detail: message });
  }
}

/** Passes on the files of a folder, and of the folders in it, folder by folder; of an empty one its name. */
async function walk(folder, path, give) {
  const [files, folders] = [[], []];
  for await (const handle of folder.values()) {
    if (handle.kind === "directory") folders.push(handle);
    else files.push([await handle.getFile(), `${path}/${handle.name}`]);
  }
  give(files.length + folders.length ? files : [[null, path]]);
  for (const each of folders) await walk(each, `${path}/${each.name}`, give);
}
