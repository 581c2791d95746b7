/** Where files are to go: a folder or a file of the person's choice, or the browser's downloads. */

/** The folder, once it was chosen: for all that follows. */
let folder;

/** Asks for a folder. `undefined` where the browser has only downloads, `null` for a change of mind. */
export async function forMany() {
  if (!window.showDirectoryPicker) return undefined;
  if (!folder) folder = await picked(() => showDirectoryPicker({ id: "xcher", mode: "readwrite" }));
  return folder ?? null;
}

/** Asks where to save a file, unless a folder was chosen. */
export async function forOne(name) {
  if (folder) return forMany();
  if (!window.showSaveFilePicker) return undefined;
  const suggestedName = name.split("/").pop();
  return (await picked(() => showSaveFilePicker({ id: "xcher", suggestedName }))) ?? null;
}

/** Where it goes, in words. */
export function into() {
  if (folder) return `Into your folder “${folder.name}”. Nothing there is replaced.`;
  return window.showDirectoryPicker
    ? ""
    : "Into your downloads, one file after the other: your browser may ask whether several are allowed.";
}

async function picked(ask) {
  try {
    return await ask();
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}
