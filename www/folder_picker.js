/** A folder that the user chooses, by the picker of browsers that have one. */
import { notice } from "./element.js";

/** Passes on what is in a folder that the user chooses. Resolves to true once that is all. */
export async function pickFolder(give) {
  try {
    const folder = await showDirectoryPicker({ id: "xcher-send" });
    await walk(folder, folder.name, give);
    return true;
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
