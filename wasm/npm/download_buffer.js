/** Bytes that have arrived and are not read yet, in memory that is reused: see blob_reader.js. */

/** Size of the buffer that usually suffices. */
const BUFFER_LEN = 512 << 10;

export class DownloadBuffer {
  #bytes = new Uint8Array(0);
  #from = 0;
  #to = 0;

  get length() {
    return this.#to - this.#from;
  }

  /** Adds bytes of a file of this size, if it is known. @param {Uint8Array} bytes @param {number} [size] */
  add(bytes, size = Infinity) {
    if (bytes.length > this.#bytes.length - this.#to) this.#makeRoom(bytes.length, size);
    this.#bytes.set(bytes, this.#to);
    this.#to += bytes.length;
  }

  /** Moves bytes into this memory, as many as fit. Returns their number. @param {Uint8Array} into */
  moveInto(into) {
    const some = this.#waiting().subarray(0, into.length);
    into.set(some);
    this.#from += some.length;
    if (this.length === 0) this.#from = this.#to = 0;
    return some.length;
  }

  /** Returns a copy of all bytes, and drops them. */
  take() {
    const all = this.#waiting().slice();
    this.#from = this.#to = 0;
    return all;
  }

  /** Frees the memory. */
  clear() {
    this.#bytes = new Uint8Array(0);
    this.#from = this.#to = 0;
  }

  #waiting() {
    return this.#bytes.subarray(this.#from, this.#to);
  }

  /** @param {number} length @param {number} size */
  #makeRoom(length, size) {
    const waiting = this.#waiting();
    const least = waiting.length + length;
    // A small file needs no more memory than its size.
    const most = Math.max(least, Math.min(size, Math.max(BUFFER_LEN, 2 * least)));
    if (least > this.#bytes.length) this.#bytes = new Uint8Array(most);
    this.#bytes.set(waiting);
    this.#to = waiting.length;
    this.#from = 0;
  }
}
