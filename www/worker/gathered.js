/** Returns a sink that writes `most` bytes at a time, from the same memory. */
export function gathered(most, to) {
  const memory = new Uint8Array(most);
  let size = 0;
  async function flush() {
    await to.write(memory.subarray(0, size));
    size = 0;
  }
  const flushed = (does) => does && (async () => (await flush(), does()));
  return {
    async write(bytes) {
      while (bytes.length) {
        const some = bytes.subarray(0, most - size);
        memory.set(some, size);
        size += some.length;
        bytes = bytes.subarray(some.length);
        if (size === most) await flush();
      }
    },
    close: flushed(to.close),
    keep: flushed(to.keep),
    abort: to.abort,
  };
}
