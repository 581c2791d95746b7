/** Writes received files to the disk, under their names only once they are complete. */
import { numbered } from "../npm/index.js";

/** Bytes that are written at once: each write is a message to another process. */
const WRITE_LEN = 1 << 20;
/** Time that a complete file is kept, in milliseconds: the browser may still be copying it. */
const COPY_TIMEOUT = 300_000;
/** Age at which parts of another visit are removed, in milliseconds. */
const PARTS_EXPIRY = 86_400_000;
/** Bytes of a part, which is held in memory. */
const PART_LEN = 1 << 22;

/**
 * Opens a sink: `write(bytes)`, which copies them, then `close()` or `abort()`, each to be awaited. `close`
 * resolves to the file if it must still be handed to the browser's downloads.
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

/** Returns a sink that writes `most` bytes at a time, from the same memory. */
function gathered(most, to) {
  const memory = new Uint8Array(most);
  let size = 0;
  async function flush() {
    await to.write(memory.subarray(0, size));
    size = 0;
  }
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
    async close() {
      await flush();
      return to.close();
    },
    abort: to.abort,
  };
}

/** Opens a folder of the origin private file system, which private windows and pages without https lack. */
export const store = async (name = "xcher") => {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(name, { create: true });
};

async function inStore(size) {
  const folder = await store().catch(() => {});
  if (!folder) return;
  const { quota, usage } = await navigator.storage.estimate();
  if (quota - usage < size) {
    const short = Math.ceil((size - quota + usage) / (1 << 20));
    throw new DOMException(`not enough space in this browser: ${short} MiB short`, "QuotaExceededError");
  }
  const name = crypto.randomUUID();
  const handle = await folder.getFileHandle(name, { create: true });
  const access = await handle.createSyncAccessHandle();
  let at = 0;
  return {
    write(bytes) {
      for (const end = at + bytes.length; at < end; ) {
        at += access.write(bytes.subarray(bytes.length - (end - at)), { at });
      }
    },
    close() {
      access.close();
      return handle.getFile();
    },
    abort() {
      access.close();
      return folder.removeEntry(name);
    },
  };
}

/** Removes files that are old enough. Files being written are locked and stay. */
async function sweep() {
  const folder = await store();
  for await (const [name, handle] of folder.entries()) {
    const { lastModified } = await handle.getFile();
    if (Date.now() - lastModified > COPY_TIMEOUT) await folder.removeEntry(name).catch(() => {});
  }
}

const sweepAll = () => sweep().catch(() => {});
sweepAll();
setInterval(sweepAll, COPY_TIMEOUT);

let database;

/** Opens a sink of parts in IndexedDB: the only way to the disk in other browsers. */
async function inParts() {
  database ??= open();
  const db = await database;
  const id = Date.now() + Math.random();
  const mine = IDBKeyRange.bound([id], [id, []]);
  const remove = () => parts(db, "delete", mine);
  let count = 0;
  return gathered(PART_LEN, {
    write: (bytes) => parts(db, "put", new Blob([bytes]), [id, count++]),
    async close() {
      setTimeout(remove, COPY_TIMEOUT);
      return new Blob(await parts(db, "getAll", mine));
    },
    abort: remove,
  });
}

async function open() {
  const request = indexedDB.open("xcher");
  request.onupgradeneeded = () => request.result.createObjectStore("parts");
  const db = await done(request);
  await parts(db, "delete", IDBKeyRange.upperBound([Date.now() - PARTS_EXPIRY]));
  return db;
}

const parts = (db, does, ...what) =>
  done(db.transaction("parts", "readwrite").objectStore("parts")[does](...what));

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
