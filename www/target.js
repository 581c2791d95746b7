/** The place for received files: a chosen folder, a file that the user picks, or the downloads. */
let folder;

const id = "xcher";

/** Asks for a folder, if the browser can. */
export async function choose() {
  folder = (await self.showDirectoryPicker?.({ id, mode: "readwrite" })) ?? folder;
}

export const chosen = () => folder;

export function forget() {
  folder = undefined;
}

/** Returns where to save files, and asks if need be. Throws AbortError if the user closes the dialog. */
export async function target(files) {
  if (files.length > 1 && !folder) await choose();
  return folder ?? self.showSaveFilePicker?.({ id, suggestedName: files[0].name.split("/").pop() });
}

/** Describes the place in words. */
export const destination = () =>
  folder
    ? `Into your folder “${folder.name}”. No file there is replaced.`
    : self.showDirectoryPicker
      ? ""
      : "Into your downloads, one after the other, with folder names in front of file names. If your browser asks, allow several downloads.";

/** Returns the names that the folder has already. */
export async function taken(names) {
  const has = async (name) => {
    const parts = name.split("/");
    const last = parts.pop();
    let at = folder;
    try {
      for (const part of parts) at = await at.getDirectoryHandle(part);
      await at.getFileHandle(last);
    } catch ({ name }) {
      // A folder in place of a file, or a file in place of a folder, takes the name, too.
      return name === "TypeMismatchError";
    }
    return true;
  };
  const found = new Set();
  if (folder) for (const name of names) if (await has(name)) found.add(name);
  return found;
}
