/** Names in an archive: whoever unpacks it, on whatever system, gets each file below one folder. */
import { numbered } from "../npm/index.js";

/** Names of devices on Windows, also with an extension. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\.|$)/i;

/** Returns one part of a name without what a system could take for more than a name. */
function harmlessPart(part) {
  const plain = part
    .replace(/[\\/:*?"<>|\u0000-\u001f\u007f-\u009f]/g, "_")
    .replace(/[. ]+$/, (end) => "_".repeat(end.length));
  return DEVICE.test(plain) ? `_${plain}` : plain || "_";
}

export const harmless = (name) => name.split("/").map(harmlessPart).join("/");

/** Gives each file of an archive a name of its own, on systems that ignore case, too. */
export class ArchiveNames {
  #files = new Set();
  #folders = new Set();

  async unused(name) {
    const parts = harmless(name).split("/");
    const last = parts.pop();
    let folder = "";
    for (const part of parts) {
      folder += await this.#free(folder, part, (path) => !this.#files.has(path));
      this.#folders.add(same(folder));
      folder += "/";
    }
    const file = folder + (await this.#free(folder, last, (path) => !this.#files.has(path) && !this.#folders.has(path)));
    this.#files.add(same(file));
    return file;
  }

  /** Returns the name, or the first numbered one, whose path is free. */
  async #free(folder, name, isFree) {
    for (let number = 0, next = name; ; next = await numbered(name, ++number)) {
      if (isFree(same(folder + next))) return next;
    }
  }
}

const same = (path) => path.normalize("NFC").toLowerCase();
