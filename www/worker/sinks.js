/** Where a file goes that comes: onto the disk, and under its name only when it is whole. */

/** Bytes that are written at once: each write is a message to another process. */
const GATHER = 1 << 20;
/** How long a file stays in the browser, in milliseconds: so long it may be being copied. */
const KEPT = 300_000;
/** Parts of another visit go after a day. */
const LEFT = 86_400_000;
/** Bytes of a part: so much is in memory. */
const PART = 1 << 22;

/**
 * Opens what takes the bytes: `write(bytes)`, whose memory is free afterwards, then `close()` or
 * `abort()`, each to be waited for. `close` gives the file if the page still has to hand it to the
 * browser's downloads.
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

async function written(handle, remove) {
  try {
    const out = await handle.createWritable();
    return gathered(GATHER, {
      write: (bytes) => out.write(bytes),
      close: () => out.close(),
      abort: () => out.abort().then(remove),
    });
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Writes so many bytes at a time, from the same memory. */
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

/** Private windows have no such store (OPFS), and pages without https. */
export const store = async (name = "xcher") => {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(name, { create: true });
};

async function inStore(size) {
  const folder = await store().catch(() => {});
  if (!folder) return;
  const { quota, usage } = await navigator.storage.estimate();
  if (quota - usage < size) {
    throw new DOMException(`expected room for ${size} bytes in this browser, got ${quota - usage}`, "QuotaExceededError");
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

/** Removes what was kept long enough. What is being written is locked, and stays. */
async function sweep() {
  const folder = await store();
  for await (const [name, handle] of folder.entries()) {
    const { lastModified } = await handle.getFile();
    if (Date.now() - lastModified > KEPT) await folder.removeEntry(name).catch(() => {});
  }
}

const sweepAll = () => sweep().catch(() => {});
sweepAll();
setInterval(sweepAll, KEPT);

let database;

/** As parts in IndexedDB: elsewhere there is no other way to the disk. */
async function inParts() {
  database ??= open();
  const db = await database;
  const id = Date.now() + Math.random();
  const mine = IDBKeyRange.bound([id], [id, []]);
  const remove = () => parts(db, "delete", mine);
  let count = 0;
  return gathered(PART, {
    write: (bytes) => parts(db, "put", new Blob([bytes]), [id, count++]),
    async close() {
      setTimeout(remove, KEPT);
      return new Blob(await parts(db, "getAll", mine));
    },
    abort: remove,
  });
}

async function open() {
  const request = indexedDB.open("xcher");
  request.onupgradeneeded = () => request.result.createObjectStore("parts");
  const db = await done(request);
  await parts(db, "delete", IDBKeyRange.upperBound([Date.now() - LEFT]));
  return db;
}

const parts = (db, does, ...what) =>
  done(db.transaction("parts", "readwrite").objectStore("parts")[does](...what));

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
