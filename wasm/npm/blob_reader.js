/** What is being read from: Chromium collects a stream that nothing else refers to, and it never ends. */
const held = new Set();

/**
 * Reads a file piece by piece, into the same memory each time: what is thrown away at the pace of
 * a network is not collected at that pace.
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
   * The next bytes, fewer only at the end; to be used before the next are asked for.
   *
   * @param {number} length
   */
  async next(length) {
    const piece = this.#file.slice(this.#at, this.#at + length);
    this.#at += length;
    const reader = byob(piece);
    if (!reader) return new Uint8Array(await piece.arrayBuffer());
    held.add(reader);
    let memory = this.#memory.byteLength < length ? new ArrayBuffer(length) : this.#memory;
    let read = 0;
    try {
      for (let ended = false; read < length && !ended; ) {
        const { value, done } = await reader.read(new Uint8Array(memory, read, length - read));
        // It is nobody's but ours to cancel.
        if (!value) throw new Error("expected bytes of the file, got none");
        memory = value.buffer;
        read += value.length;
        ended = done;
      }
    } finally {
      held.delete(reader);
    }
    this.#memory = memory;
    return new Uint8Array(memory, 0, read);
  }
}

/** Not everywhere can a file be read so. @param {Blob} piece */
function byob(piece) {
  try {
    return piece.stream().getReader({ mode: "byob" });
  } catch {
    return undefined;
  }
}
