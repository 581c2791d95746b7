/** Where files go that come: a folder that was chosen, one place that is asked for, or the downloads. */
let folder;

const id = "xcher";

/** Asks for a folder, where the browser can. */
export async function choose() {
  folder = (await self.showDirectoryPicker?.({ id, mode: "readwrite" })) ?? folder;
}

export const chosen = () => folder;

export function forget() {
  folder = undefined;
}

/** Asks where these are to go, unless it is known. Fails with AbortError where the user thinks again. */
export async function target(files) {
  if (files.length > 1 && !folder) await choose();
  return folder ?? self.showSaveFilePicker?.({ id, suggestedName: files[0].name.split("/").pop() });
}

/** Says so. */
export const place = () =>
  folder
    ? `Into your folder “${folder.name}”, where nothing is replaced.`
    : self.showDirectoryPicker
      ? ""
      : "Into your downloads, one after the other; the names of folders go before a file’s own. Allow several downloads if your browser asks.";

/** Which of these names the folder has already. */
export async function taken(names) {
  const has = async (name) => {
    const parts = name.split("/");
    const last = parts.pop();
    let at = folder;
    try {
      for (const part of parts) at = await at.getDirectoryHandle(part);
      await at.getFileHandle(last);
    } catch ({ name }) {
      // Something else of that name is in the way, too.
      return name === "TypeMismatchError";
    }
    return true;
  };
  const found = new Set();
  if (folder) for (const name of names) if (await has(name)) found.add(name);
  return found;
}
