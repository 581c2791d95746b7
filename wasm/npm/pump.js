/** Bytes that are read at a time. */
const READ_LEN = 1 << 18;

/**
 * Writes what arrives of a download to a sink, which copies it.
 *
 * @param {{ readable: ReadableStream<Uint8Array> }} download
 * @param {{ write(bytes: Uint8Array): unknown }} sink
 */
export async function pump({ readable }, sink) {
  const reader = readable.getReader({ mode: "byob" });
  // Always into the same memory: a browser is slow to collect garbage.
  let memory = new Uint8Array(READ_LEN);
  for (let part; !(part = await reader.read(memory)).done; ) {
    await sink.write(part.value);
    memory = new Uint8Array(part.value.buffer);
  }
}
