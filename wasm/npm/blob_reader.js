/** Readers in use: Chromium collects a stream that nothing else refers to, and it never ends. */
const inUse = new Set();

/**
 * Reads a file piece by piece, into the same memory each time: browsers collect garbage more slowly than a
 * network can produce it.
 */
export class Reading {
  #file;
  #at;
  #memory = new ArrayBuffer(0);

  /** @param {Blob} file @param {number} [from] */
  constructor(file, from = 0) {
    this.#file = file;
    this.#at = from;
  }

  /**
   * Returns the next bytes, fewer only at the end. They are valid until the next call.
   *
   * @param {number} length
   */
  async next(length) {
    const piece = this.#file.slice(this.#at, this.#at + length);
    this.#at += length;
    const reader = byob(piece);
    if (!reader) return new Uint8Array(await piece.arrayBuffer());
    inUse.add(reader);
    let memory = this.#memory.byteLength < length ? new ArrayBuffer(length) : this.#memory;
    let read = 0;
    try {
      for (let ended = false; read < length && !ended; ) {
        const { value, done } = await reader.read(new Uint8Array(memory, read, length - read));
        // Only a cancelled stream has no value, and nothing cancels this one.
        if (!value) throw new Error("reading the file was cancelled");
        memory = value.buffer;
        read += value.length;
        ended = done;
      }
    } finally {
      inUse.delete(reader);
    }
    this.#memory = memory;
    return new Uint8Array(memory, 0, read);
  }
}

/** Returns a reader into given memory, if the environment has them. @param {Blob} piece */
function byob(piece) {
  try {
    return piece.stream().getReader({ mode: "byob" });
  } catch {
    return undefined;
  }
}
