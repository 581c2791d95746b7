/** Files as parts in IndexedDB: the only way to the disk in browsers without a store. */
import { gathered } from "./gathered.js";
import { copyTime } from "./store.js";

/** Age at which parts of another visit are removed, in milliseconds. */
const PARTS_EXPIRY = 86_400_000;
/** Bytes of a part, which is held in memory. */
const PART_LEN = 1 << 22;

let database;

/** Opens a sink of parts. */
export async function inParts() {
  database ??= open();
  const db = await database;
  const id = Date.now() + Math.random();
  const mine = IDBKeyRange.bound([id], [id, []]);
  const remove = () => parts(db, "delete", mine);
  let count = 0;
  const close = async () => new Blob(await parts(db, "getAll", mine));
  return gathered(PART_LEN, {
    write: (bytes) => parts(db, "put", new Blob([bytes]), [id, count++]),
    async close() {
      const file = await close();
      setTimeout(remove, copyTime(file.size));
      return file;
    },
    async keep() {
      const file = await close();
      return { file, release: () => setTimeout(remove, copyTime(file.size)) };
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
