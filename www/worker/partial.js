/**
 * What is kept of a file on its way, so that it goes on after a reload: its bytes, and beside them whose
 * they are. One tab at a time has it.
 */
import { Reading } from "../npm/blob_reader.js";
import { sink, store } from "./sinks.js";

/** Smaller files are sooner fetched again than kept account of. */
const WORTH_IT = 1 << 20;
/** Bytes after which those that came are on the disk for certain. */
const FLUSH = 1 << 26;
/** Bytes that are copied at a time. */
const COPIED = 1 << 20;

export const folder = () => store("xcher-partial");
export const lockOf = (id) => `xcher-partial-${id}`;

/** Until it is released; nothing if another has it. */
export const claim = (id) =>
  new Promise((got, failed) => {
    const hold = (lock) => (lock ? new Promise(got) : got());
    navigator.locks.request(lockOf(id), { ifAvailable: true }, hold).catch(failed);
  });

/** The sum of whose it is: only from them does it go on. */
async function idOf(...whose) {
  const text = new TextEncoder().encode(JSON.stringify(whose));
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return [...sum].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function remove(root, id) {
  for (const end of ["json", "part"]) await root.removeEntry(`${id}.${end}`).catch(() => {});
}

/**
 * Opens what there is of a file, or begins it. Nothing where none is kept: in the clear, where there is
 * no store or no room in it, where another tab has it. `file.key`: only what is there is gone on with,
 * and only from whom it came.
 */
export async function partial({ peerKey }, nick, { name, size, approximate, key }) {
  if (key && key !== peerKey) throw new Error("expected the one whom the beginning came from, got someone else");
  const root = peerKey && !approximate && size >= WORTH_IT && (await folder().catch(() => {}));
  if (!root) return;
  const id = await idOf(peerKey, name, size);
  const release = await claim(id);
  if (!release) {
    if (key) throw new Error("another transfer has it");
    return;
  }
  const over = async (gone) => {
    if (gone) await remove(root, id);
    release();
  };
  try {
    const handle = await root.getFileHandle(`${id}.part`, { create: !key });
    const has = await handle.getFile();
    const { quota, usage } = await navigator.storage.estimate();
    if (quota - usage < size - has.size) return void (await over(!has.size));
    return kept(root, id, handle, has, { nick, name, size, key: peerKey }, over);
  } catch (error) {
    release();
    throw error.name === "NotFoundError" ? new Error("nothing of it is left") : error;
  }
}

function kept(root, id, handle, has, about, over) {
  let access;
  let at = has.size;
  let flushed = at;
  return {
    has,
    /** What there is counts up to here; what comes follows. */
    async from(from) {
      const record = await root.getFileHandle(`${id}.json`, { create: true });
      const said = await record.createSyncAccessHandle();
      said.truncate(0);
      said.write(new TextEncoder().encode(JSON.stringify(about)));
      said.close();
      access = await handle.createSyncAccessHandle();
      access.truncate(from);
      at = flushed = from;
    },
    write(bytes) {
      for (const end = at + bytes.length; at < end; ) {
        at += access.write(bytes.subarray(bytes.length - (end - at)), { at });
      }
      if (at - flushed < FLUSH) return;
      access.flush();
      flushed = at;
    },
    /** It is whole: where it was to go, or the file for the downloads. */
    async close(target) {
      access.close();
      if (target) await copy(await handle.getFile(), await sink(target, about));
      // There it stays while the browser copies it.
      else await handle.move(await store(), crypto.randomUUID());
      await over(true);
      return target ? undefined : handle.getFile();
    },
    async abort(discarded) {
      access?.close();
      await over(discarded || !at);
    },
  };
}

async function copy(file, to) {
  try {
    const reading = new Reading(file);
    for (let left = file.size; left > 0; left -= COPIED) await to.write(await reading.next(COPIED));
    await to.close();
  } catch (error) {
    await to.abort().catch(() => {});
    throw error;
  }
}
