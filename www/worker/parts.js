/** Files as parts in IndexedDB, for pages without https: there is no other way to the disk. */

/** Bytes of a part: so much of a file is in memory. */
const PART = 1 << 22;
/** How long the parts stay after the last, in milliseconds: so long they may be being copied. */
const KEPT = 300_000;
/** What a page left behind that was closed goes after a day. */
const LEFT = 86_400_000;

let database;

export async function inParts() {
  database ??= open();
  const db = await database;
  const store = (mode) => db.transaction("parts", mode).objectStore("parts");
  const id = Date.now() + Math.random();
  const mine = IDBKeyRange.bound([id], [id, []]);
  const remove = () => done(store("readwrite").delete(mine));
  let gathered = [];
  let length = 0;
  let count = 0;
  const flush = async () => {
    const part = new Blob(gathered);
    gathered = [];
    length = 0;
    await done(store("readwrite").put(part, [id, count++]));
  };
  return {
    write(bytes) {
      gathered.push(bytes);
      length += bytes.length;
      if (length >= PART) return flush();
    },
    async close() {
      await flush();
      setTimeout(remove, KEPT);
      return new Blob(await done(store("readonly").getAll(mine)));
    },
    abort: remove,
  };
}

async function open() {
  const request = indexedDB.open("xcher");
  request.onupgradeneeded = () => request.result.createObjectStore("parts");
  const db = await done(request);
  const old = IDBKeyRange.upperBound([Date.now() - LEFT]);
  await done(db.transaction("parts", "readwrite").objectStore("parts").delete(old));
  return db;
}

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
