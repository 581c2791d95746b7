/** Files in the origin private file system, which private windows of some browsers and pages without https lack. */
import { reserve, writeAll } from "./space.js";

/** Time that a complete file is kept at least, in milliseconds: the browser may still be copying it. */
const COPY_TIMEOUT = 300_000;
/** Bytes that the slowest disk takes in a millisecond. */
const SLOWEST_COPY = 2 << 10;

/** Returns a folder of the store. */
export async function store(name = "xcher") {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(name, { create: true });
}

/** Returns how long a file of this size is kept once it is handed over, in milliseconds. */
export const copyTime = (size) => COPY_TIMEOUT + size / SLOWEST_COPY;

const lockOf = (name) => `xcher-stored-${name}`;

/** Keeps a complete file that is not handed over yet from being removed. Returns a function that ends it. */
export function hold(name) {
  let release;
  const until = new Promise((resolve) => (release = resolve));
  navigator.locks.request(lockOf(name), () => until);
  return release;
}

/** Opens a sink in the store, if there is one. `close` resolves to the file, with `release` to call afterwards. */
export async function inStore(size) {
  const folder = await store().catch(() => {});
  if (!folder) return;
  const name = crypto.randomUUID();
  const handle = await folder.getFileHandle(name, { create: true });
  const access = await handle.createSyncAccessHandle();
  let at = 0;
  const abort = () => {
    access.close();
    return folder.removeEntry(name);
  };
  try {
    reserve(access, size);
  } catch (error) {
    await abort();
    throw error;
  }
  return {
    write(bytes) {
      writeAll(access, bytes, at, Math.max(size, at + bytes.length));
      at += bytes.length;
    },
    close() {
      access.close();
      return handle.getFile();
    },
    /** Returns the complete file, which stays until it is released. */
    async keep() {
      const release = hold(name);
      access.close();
      return { file: await handle.getFile(), release };
    },
    abort,
  };
}

/** Removes files that are old enough. Those being written are locked by the browser, others by `hold`. */
async function sweep() {
  const folder = await store();
  const { held } = await navigator.locks.query();
  const locked = new Set(held.map(({ name }) => name));
  for await (const [name, handle] of folder.entries()) {
    const { lastModified, size } = await handle.getFile();
    const isOld = Date.now() - lastModified > copyTime(size);
    if (isOld && !locked.has(lockOf(name))) await folder.removeEntry(name).catch(() => {});
  }
}

const sweepAll = () => sweep().catch(() => {});
sweepAll();
setInterval(sweepAll, COPY_TIMEOUT);
