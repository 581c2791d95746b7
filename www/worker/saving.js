/** Where a file goes that comes: onto the disk, and under its name only when it is whole. */
import { inParts, inStore } from "./store.js";

/** Bytes that are written at once: each write is a message to another process. */
const GATHER = 1 << 20;

/**
 * Opens what takes the bytes: `write(bytes)`, then `close()` or `abort()`, each to be waited for.
 * `close` gives the file if the page still has to hand it to the browser's downloads.
 */
export async function sink(target, { name, size }) {
  if (target?.kind === "file") {
    const empty = !(await target.getFile()).size;
    return written(target, () => empty && target.remove?.());
  }
  if (target) {
    const parts = name.split("/");
    const last = parts.pop();
    for (const part of parts) target = await target.getDirectoryHandle(part, { create: true });
    const handle = await unused(target, last);
    return written(handle, () => target.removeEntry(handle.name));
  }
  return (await inStore(size)) ?? inParts();
}

/** Finding a name and taking it are two steps, so one file at a time. */
let turn;

/** Makes an empty file under a name that nothing has: `notes.txt`, `notes (1).txt`, … */
function unused(folder, name) {
  const find = async () => {
    const [, stem, end] = /^(.+?)(\.[^.]*)?$/s.exec(name);
    for (let n = 0, next = name; ; next = `${stem} (${++n})${end ?? ""}`) {
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

/** What is written has the name only once it is closed. */
async function written(handle, remove) {
  try {
    const out = await handle.createWritable();
    return gathered(GATHER, {
      write: (blob) => out.write(blob),
      close: () => out.close(),
      abort: () => out.abort().then(remove),
    });
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Writes not less than `least` bytes at a time. */
export function gathered(least, to) {
  let parts = [];
  let size = 0;
  async function flush() {
    const blob = new Blob(parts);
    parts = [];
    size = 0;
    await to.write(blob);
  }
  return {
    write(bytes) {
      parts.push(bytes);
      size += bytes.length;
      if (size >= least) return flush();
    },
    async close() {
      await flush();
      return to.close();
    },
    abort: to.abort,
  };
}
