/** Writes received files to the disk, under their names only once they are complete. */
import { isDirectoryHandle, openInDirectory } from "../npm/directory_sink.js";
import { gathered } from "./gathered.js";
import { inMemory } from "./memory_sink.js";
import { inParts } from "./parts.js";
import { inStore } from "./store.js";

/** Bytes that are written at once: each write is a message to another process. */
const WRITE_LEN = 1 << 20;

/**
 * Opens a sink: `write(bytes)`, which copies them, then `close()` or `abort()`, each to be awaited. `close`
 * resolves to the file if it must still be handed to the browser's downloads; `keep` does the same, and leaves
 * it to its caller how long the file stays.
 */
export async function sink(target, { name, size, folder }) {
  // An archive has a folder by its name alone.
  if (folder && !target) return { write() {}, keep: () => ({ release() {} }), abort: async () => {} };
  if (target?.kind === "file") {
    const empty = !(await target.getFile()).size;
    return written(target, () => empty && target.remove?.());
  }
  if (isDirectoryHandle(target)) {
    const { write, close, abort } = await openInDirectory(target, name, folder);
    return gathered(WRITE_LEN, { write, close: async () => void (await close()), abort });
  }
  return (await inStore(size)) ?? (await inParts().catch(inMemory));
}

async function written(handle, remove) {
  try {
    const out = await handle.createWritable();
    return gathered(WRITE_LEN, {
      write: (bytes) => out.write(bytes),
      close: () => out.close(),
      abort: () => out.abort().then(remove),
    });
  } catch (error) {
    await remove();
    throw error;
  }
}
