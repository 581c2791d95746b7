/** A file as the other peer lists or offers it. */
export class RemoteFile {
  #spelling;

  /**
   * @param {string} name
   * @param {number} size
   * @param {string} spelling an approximate size as the peer wrote it, otherwise empty
   * @param {number | undefined} modified in seconds
   * @param {boolean} executable
   * @param {boolean} text
   * @param {boolean} folder
   */
  constructor(name, size, spelling, modified, executable, text, folder) {
    this.name = name;
    this.size = size;
    this.approximate = spelling !== "";
    this.modified = modified === undefined ? undefined : 1000 * modified;
    this.executable = executable;
    this.text = text;
    this.folder = folder;
    this.#spelling = spelling;
  }

  /**
   * Spells a file's size as the wire does. A request must spell it as the listing did.
   *
   * @param {import("./index.js").RemoteFile} file
   */
  static spelling(file) {
    if (#spelling in file && file.#spelling) return file.#spelling;
    return file.approximate ? rounded(file.size) : String(file.size);
  }
}

const UNITS = ["kb", "mb", "gb", "tb"];

/** Spells an approximate size in the largest unit that fits. @param {number} bytes */
function rounded(bytes) {
  let [count, unit] = [bytes / 1024, 0];
  while (count % 1024 === 0 && unit < 3) [count, unit] = [count / 1024, unit + 1];
  return count + UNITS[unit];
}
