/**
 * What this tab still fetches, kept for a reload: each choice of files with its target, and which of them are
 * done. A lock holds the record while its tab is open.
 */
import { PARTIAL_EXPIRY_MS } from "../npm/pkg/constants.js";

/** Time to wait for the worker of the page before the reload to end, in milliseconds. */
const TAKEOVER_TIMEOUT = 5_000;

let tab;
let database;
let last = 0;

/**
 * Takes over the record of the tab with this name. Resolves to its unfinished choices: `{ number, nick, key,
 * target, files, alone }`; to none if another tab has it, as a duplicate of a tab would.
 */
export async function takeOver(name) {
  // Pages without https have no locks, and keep nothing.
  if (!navigator.locks) return [];
  const signal = AbortSignal.timeout(TAKEOVER_TIMEOUT);
  const isMine = await new Promise((resolve) => {
    const hold = () => new Promise(() => resolve(true));
    navigator.locks.request(`xcher-queue-${name}`, { signal }, hold).catch(() => resolve(false));
  });
  tab = isMine ? name : crypto.randomUUID();
  const all = await attempt("readonly", (queue) => pairs(queue));
  const [choices, done] = [[], new Set()];
  const now = Date.now();
  for (const [key, value] of all ?? []) {
    if (now - value.at > PARTIAL_EXPIRY_MS) attempt("readwrite", (queue) => queue.delete(key));
    if (key[0] !== tab) continue;
    last = Math.max(last, key[1]);
    if (key.length === 3) done.add(`${key[1]} ${key[2]}`);
    else choices.push({ number: key[1], ...value });
  }
  return choices.map((choice) => ({ ...choice, done: (at) => done.has(`${choice.number} ${at}`) }));
}

/** Records a choice. Returns its number. */
export function add(choice) {
  last += 1;
  attempt("readwrite", (queue) => queue.put({ ...choice, at: Date.now() }, [tab, last]));
  return last;
}

/** Records the key of the choice's peer: after a reload, no other gets the requests. */
export const setKey = (number, choice) =>
  attempt("readwrite", (queue) => queue.put({ ...choice, at: Date.now() }, [tab, number]));

export const setDone = (number, at) => attempt("readwrite", (queue) => queue.put({ at: Date.now() }, [tab, number, at]));

export const remove = (number) =>
  attempt("readwrite", (queue) => queue.delete(IDBKeyRange.bound([tab, number], [tab, number, []])));

/** Does something with the store, if the browser has one: nothing is kept otherwise. */
async function attempt(mode, does) {
  try {
    database ??= open();
    const db = await database;
    return await done(does(db.transaction("queue", mode).objectStore("queue")));
  } catch {
    return undefined;
  }
}

function open() {
  const request = indexedDB.open("xcher-queue");
  request.onupgradeneeded = () => request.result.createObjectStore("queue");
  return done(request);
}

async function pairs(queue) {
  const [keys, values] = await Promise.all([done(queue.getAllKeys()), done(queue.getAll())]);
  return keys.map((key, at) => [key, values[at]]);
}

const done = (request) =>
  request instanceof Promise
    ? request
    : new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
