/**
 * One archive of many files: ZIP without compression, of any size. Large files stay where they are and become
 * parts of the archive's blob; everything else of it is written to one sink. So no large file needs its space twice.
 */
import { Reading } from "../npm/blob_reader.js";

/** Files up to this size are copied. */
export const MAX_COPIED_LEN = 1 << 20;
/** Bytes of a file that are read at a time, for its checksum. */
const READ_LEN = 1 << 20;

/** Loads what writes archives. Fails where the page is served without the packages of npm. */
export const loadZip = async () => (await import("client-zip")).makeZip;

export class Archive {
  #frame;
  /** Pieces of the archive, in order: `{ from, to }` in the frame, or `{ file }`. */
  #pieces = [];
  #from = 0;
  #to = 0;
  /** Pieces of large files on their way through the writer, which must not be written again. */
  #passing = new WeakMap();
  #inputs = [];
  #wake = () => {};
  #ended = false;
  #done;

  /** @param makeZip @param frame the sink */
  constructor(makeZip, frame) {
    this.#frame = frame;
    this.#done = this.#pump(makeZip(this.#feed()));
    // Reported by `finish`.
    this.#done.catch(() => {});
  }

  /**
   * Adds a file: bytes, or a blob that stays as it is until the archive is handed over, or without either an empty
   * folder. `settle` moves the file to its last place, and returns it there.
   */
  add(name, { file, settle }, modified) {
    const lastModified = new Date(modified ?? Date.now());
    if (!file) this.#inputs.push({ name: `${name}/`, lastModified });
    const large = file?.size > MAX_COPIED_LEN;
    if (file) this.#inputs.push({ name, lastModified, input: large ? this.#through(file, settle) : file });
    this.#wake();
  }

  /** Resolves to the whole archive, with `release` to call once it is handed over. */
  async finish() {
    this.#ended = true;
    this.#wake();
    await this.#done;
    this.#cut();
    const frame = await this.#frame.keep();
    const moved = [frame];
    for (const piece of this.#pieces) {
      if (!piece.settle) continue;
      const settled = await piece.settle();
      piece.file = settled.file;
      moved.push(settled);
    }
    const parts = this.#pieces.map((piece) => piece.file ?? frame.file.slice(piece.from, piece.to));
    return { file: new Blob(parts), release: () => moved.forEach(({ release }) => release()) };
  }

  async abort() {
    this.#ended = true;
    this.#inputs = [];
    this.#wake();
    await this.#done.catch(() => {});
    await this.#frame.abort();
  }

  async *#feed() {
    for (;;) {
      const input = this.#inputs.shift();
      if (input) yield input;
      else if (this.#ended) return;
      else await new Promise((resolve) => (this.#wake = resolve));
    }
  }

  /** Passes a large file through, for its size and checksum. */
  #through(file, settle) {
    const reading = new Reading(file);
    let left = file.size;
    const entry = { file, settle };
    return new ReadableStream(
      {
        pull: async (stream) => {
          const bytes = await reading.next(Math.min(left, READ_LEN));
          if (!bytes.length) throw new Error("a received file has changed");
          left -= bytes.length;
          this.#passing.set(bytes, entry);
          stream.enqueue(bytes);
          if (!left) stream.close();
        },
      },
      // The memory is reused, so one piece is on its way at a time.
      { highWaterMark: 0 },
    );
  }

  async #pump(zip) {
    const reader = zip.getReader();
    for (let next; !(next = await reader.read()).done; ) {
      const entry = this.#passing.get(next.value);
      if (entry) {
        entry.passed = (entry.passed ?? 0) + next.value.length;
        if (entry.passed === next.value.length) this.#cut(entry);
      } else {
        await this.#frame.write(next.value);
        this.#to += next.value.length;
      }
    }
    // A writer that copied a large file instead of passing it on would have it twice.
    const large = this.#pieces.filter(({ file }) => file);
    if (large.some(({ file, passed }) => passed !== file.size)) throw new Error("the archive could not be written");
  }

  /** Ends the piece of the frame, and has a large file follow it. */
  #cut(entry) {
    if (this.#to > this.#from) this.#pieces.push({ from: this.#from, to: this.#to });
    this.#from = this.#to;
    if (entry) this.#pieces.push(entry);
  }
}
