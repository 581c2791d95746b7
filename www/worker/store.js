/** Files in the browser's own storage, from which they become downloads. */
import { gathered } from "./saving.js";

/** How long a file stays after its last byte, in milliseconds: so long it may be being copied. */
const KEPT = 300_000;
/** Parts of another visit go after a day. */
const LEFT = 86_400_000;
/** Bytes of a part: so much is in memory. */
const PART = 1 << 22;

/** Private windows have no such store (OPFS), and pages without https. */
const store = async () => {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle("xcher", { create: true });
};

/** Nothing, where there is no store. */
export async function inStore(size) {
  const folder = await store().catch(() => {});
  if (!folder) return;
  const { quota, usage } = await navigator.storage.estimate();
  if (quota - usage < size) {
    throw new Error(`expected room for ${size} bytes in this browser, got ${quota - usage}`);
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
export async function inParts() {
  database ??= open();
  const db = await database;
  const id = Date.now() + Math.random();
  const mine = IDBKeyRange.bound([id], [id, []]);
  const remove = () => parts(db, "delete", mine);
  let count = 0;
  return gathered(PART, {
    write: (blob) => parts(db, "put", blob, [id, count++]),
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
