/** The place for received files: a chosen folder, a file that the user picks, or the downloads. */
import { sentences } from "./errors.js";
import { say } from "./language.js";
import { keepStore } from "./room.js";

/** The most files that become one download each; more, or folders, become one archive. */
const MAX_DOWNLOADS = 3;

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
export async function target(wanted) {
  const files = stored(wanted);
  if (!files.length) return undefined;
  if ((files.length > 1 || files[0].folder) && !folder) await choose();
  if (folder) return folder;
  if (self.showSaveFilePicker) return self.showSaveFilePicker({ id, suggestedName: files[0].name.split("/").pop() });
  await keepStore(files.reduce((sum, { size }) => sum + size, 0));
  return isArchive(files) ? archive(files) : undefined;
}

/** Texts are shown, and not stored. */
export const stored = (files = []) => files.filter(({ text }) => !text);

/** A folder cannot be a download. */
const isArchive = (files) =>
  files.length > MAX_DOWNLOADS || files.some(({ name, folder }) => folder || (files.length > 1 && name.includes("/")));

/** Names an archive after the folder of all its files, and words what it says about missing ones. */
function archive(files) {
  const [top] = files[0].name.split("/", 1);
  const name = files.every((file) => file.name.startsWith(`${top}/`)) ? top : say("archive-name");
  const plain = name.replace(/[^\p{L}\p{M}\p{N} ._()-]/gu, "_").replace(/^[. ]+|[. ]+$/g, "") || "files";
  return {
    archive: `${plain}.zip`,
    incomplete: `${say("archive-incomplete", { name: plain })}.zip`,
    list: `${say("archive-missing-list")}.txt`,
    heading: say("archive-missing"),
    sentences: sentences(),
  };
}

/** Describes the place of these files in words. */
export function destination(wanted) {
  const files = stored(wanted);
  if (wanted && !files.length) return "";
  if (folder) return say("into-folder", { folder: folder.name });
  return self.showDirectoryPicker || !files.length ? "" : say(isArchive(files) ? "into-archive" : "into-downloads");
}

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
