/**
 * The keys that a browser stores for all pages of an origin, in IndexedDB: this host's secret, and the pinned
 * keys of peers.
 */

/** @typedef {import("./index.js").KnownPeer} KnownPeer */

const STORE = "keys";
const IDENTITY = "identity";

/** @type {Promise<IDBDatabase> | undefined} */
let database;

const open = () =>
  (database ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("xcher-keys");
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  }));

/**
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} does
 * @returns {Promise<T>} once it is on the disk
 */
async function ask(mode, does) {
  const transaction = (await open()).transaction(STORE, mode);
  const request = does(transaction.objectStore(STORE));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

/** Returns true if this environment can store keys. */
export const isKeeping = async () => "indexedDB" in globalThis && open().then(() => true, () => false);

/** Returns the secret, which is created at first use. */
export async function identity() {
  const fresh = crypto.getRandomValues(new Uint8Array(32));
  const found = await ask("readwrite", (store) => {
    const request = store.get(IDENTITY);
    // In one transaction: if two pages do so at the same time, both get the same secret.
    request.onsuccess = () => request.result ?? store.put(fresh, IDENTITY);
    return request;
  });
  return /** @type {Uint8Array} */ (found ?? fresh);
}

export const keptPeers = {
  /** @param {string} nick @param {string} relay */
  async get(nick, relay) {
    /** @type {KnownPeer | undefined} */
    const peer = await ask("readonly", (store) => store.get([relay, nick]));
    return peer?.key;
  },

  /** @param {string} nick @param {string} relay @param {string} key */
  async pin(nick, relay, key) {
    await ask("readwrite", (store) => store.put({ nick, relay, key }, [relay, nick]));
  },

  /** @param {string} nick @param {string} relay */
  async forget(nick, relay) {
    await ask("readwrite", (store) => store.delete([relay, nick]));
  },

  /** @returns {Promise<KnownPeer[]>} */
  list: () => ask("readonly", (store) => store.getAll(IDBKeyRange.lowerBound([]))),
};
