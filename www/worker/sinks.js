/** Writes received files to the disk, under their names only once they are complete. */
import { numbered } from "../npm/index.js";
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
  if (folder) return folderSink(target, name);
  if (target?.kind === "file") {
    const empty = !(await target.getFile()).size;
    return written(target, () => empty && target.remove?.());
  }
  if (target?.kind === "directory") {
    const parts = name.split("/");
    const last = parts.pop();
    for (const part of parts) target = await target.getDirectoryHandle(part, { create: true });
    const handle = await unused(target, last);
    return written(handle, () => target.removeEntry(handle.name));
  }
  return (await inStore(size)) ?? (await inParts().catch(inMemory));
}

/** Makes an empty folder in a folder, or leaves it to the archive of its parcel. */
async function folderSink(target, name) {
  for (const part of target ? name.split("/") : []) target = await target.getDirectoryHandle(part, { create: true });
  return { write() {}, close() {}, keep: () => ({ release() {} }), abort: async () => {} };
}

/** The last search for a name: finding one and creating the file are two steps, so one runs at a time. */
let turn;

/** Creates an empty file under a free name: `notes.txt`, `notes (1).txt` and so on. */
function unused(folder, name) {
  const find = async () => {
    for (let n = 0, next = name; ; next = await numbered(name, ++n)) {
      try {
        await folder.getFileHandle(next);
      } catch (error) {
        if (error.name === "NotFoundError") return folder.getFileHandle(next, { create: true });
        if (error.name !== "TypeMismatchError") throw error;
      }
    }
  };
  return (turn = Promise.resolve(turn).then(find, find));
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
