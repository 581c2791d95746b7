/**
 * Partial files, which can be resumed after a reload: the bytes, and beside them a record of where they come
 * from. One tab at a time uses a partial file.
 */
import { Reading } from "../npm/blob_reader.js";
import { sink } from "./sinks.js";
import { reserve, writeAll } from "./space.js";
import { hold, store } from "./store.js";

/** Size of the smallest file that is kept: smaller ones are fetched again in less time. */
const MIN_SIZE = 1 << 20;
/** Bytes between two flushes to the disk. */
const FLUSH_INTERVAL = 1 << 26;
/** Bytes that are copied at a time. */
const COPY_LEN = 1 << 20;

export const folder = () => store("xcher-partial");
export const lockOf = (id) => `xcher-partial-${id}`;

/** Locks a partial file. Resolves to a function that unlocks it, or to nothing if another transfer has it. */
export const claim = (id) =>
  new Promise((got, failed) => {
    const hold = (lock) => (lock ? new Promise(got) : got());
    navigator.locks.request(lockOf(id), { ifAvailable: true }, hold).catch(failed);
  });

/** Returns a digest of the peer's key, the name and the size: a file is resumed only if all match. */
async function idOf(...origin) {
  const text = new TextEncoder().encode(JSON.stringify(origin));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function remove(root, id) {
  for (const end of ["json", "part"]) await root.removeEntry(`${id}.${end}`).catch(() => {});
}

/** Removes the partial file of a download that waits and is not wanted any more. */
export async function forget(key, { name, size }) {
  const root = key && (await folder().catch(() => {}));
  if (!root) return;
  const id = await idOf(key, name, size);
  const release = await claim(id);
  if (release) await remove(root, id);
  release?.();
}

const refused = (code) => Object.assign(new Error(code), { code });

/**
 * Opens a partial file, or creates one. Resolves to nothing where none can be kept: in an unencrypted
 * session, without a store, or while another tab uses it. With `file.key`, only an existing one is opened, and
 * only if the peer has that key.
 */
export async function partial({ peerKey }, nick, { name, size, approximate, key }) {
  if (key && key !== peerKey) throw refused("other-origin");
  const root = peerKey && !approximate && size >= MIN_SIZE && (await folder().catch(() => {}));
  if (!root) return;
  const id = await idOf(peerKey, name, size);
  const release = await claim(id);
  if (!release) {
    if (key) throw refused("running-already");
    return;
  }
  let isOver = false;
  const over = async (done) => {
    if (isOver) return;
    isOver = true;
    if (done) await remove(root, id);
    release();
  };
  try {
    const handle = await root.getFileHandle(`${id}.part`, { create: !key });
    const has = await handle.getFile();
    return kept(root, id, handle, has, { nick, name, size, key: peerKey }, over);
  } catch (error) {
    release();
    throw error.name === "NotFoundError" ? refused("partial-gone") : error;
  }
}

function kept(root, id, handle, has, about, over) {
  let access;
  let at = has.size;
  let flushed = at;

  /** Moves the complete file to where files wait for the browser to copy them. */
  async function settle() {
    const name = crypto.randomUUID();
    const release = hold(name);
    await handle.move(await store(), name);
    await over(true);
    return { file: await touched(handle), release };
  }

  return {
    has,
    /** Keeps the bytes before this position; new ones follow. */
    async from(from) {
      const record = await root.getFileHandle(`${id}.json`, { create: true });
      const out = await record.createSyncAccessHandle();
      out.truncate(0);
      out.write(new TextEncoder().encode(JSON.stringify(about)));
      out.close();
      access = await handle.createSyncAccessHandle();
      at = flushed = Math.min(from, access.getSize());
      reserve(access, about.size, at);
    },
    write(bytes) {
      writeAll(access, bytes, at, about.size);
      at += bytes.length;
      if (at - flushed < FLUSH_INTERVAL) return;
      access.flush();
      flushed = at;
    },
    /** Moves the complete file to its target, or returns it for the downloads. */
    async close(target) {
      access.close();
      if (target) {
        await copy(await handle.getFile(), await sink(target, about));
        await over(true);
        return;
      }
      const { file, release } = await settle();
      release();
      return file;
    },
    /** Returns the complete file, which stays a partial one until `settle` or `discard` is called, for a reload. */
    async keep() {
      access.flush();
      access.close();
      return { file: await handle.getFile(), settle, discard: () => over(true), release: () => over(false) };
    },
    async abort(discarded) {
      access?.close();
      await over(discarded || !at);
    },
  };
}

/** Returns the file, of this moment, so that it is kept long enough for the browser to copy it. */
async function touched(handle) {
  const access = await handle.createSyncAccessHandle();
  const last = new Uint8Array(1);
  const at = access.getSize() - 1;
  if (at >= 0 && access.read(last, { at })) access.write(last, { at });
  access.close();
  return handle.getFile();
}

async function copy(file, to) {
  try {
    const reading = new Reading(file);
    for (let left = file.size; left > 0; left -= COPY_LEN) await to.write(await reading.next(COPY_LEN));
    await to.close();
  } catch (error) {
    await to.abort().catch(() => {});
    throw error;
  }
}
