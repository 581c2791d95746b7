/**
 * Space in the browser's store. What `navigator.storage.estimate()` says is no promise (Chromium names 10 GiB
 * whatever there is), so the store itself is asked, by the size of an open file.
 */

/** The steps of a search for the most that fits: the result is off by less than a thousandth. */
const SEARCH_STEPS = 10;

/** A file does not fit: `needs` and `has` are bytes. */
export class NoSpace extends Error {
  code = "space";

  constructor(needs, has) {
    super(`needs ${needs} bytes, and this browser has ${has}`);
    this.name = "QuotaExceededError";
    this.needs = needs;
    this.has = has;
  }
}

/** Checks that an open file can grow to `size`; its first `keep` bytes stay as they are. Throws NoSpace. */
export function reserve(access, size, keep = 0) {
  const grows = (to) => {
    try {
      access.truncate(to);
      return true;
    } catch {
      return false;
    }
  };
  let [most, least] = [size, keep];
  const fits = grows(size);
  for (let step = 0; !fits && step < SEARCH_STEPS; step++) {
    const middle = Math.floor((least + most) / 2);
    if (grows(middle)) least = middle;
    else most = middle;
  }
  access.truncate(keep);
  if (!fits) throw new NoSpace(size, least);
}

/** Writes all bytes at this position of a file that will have `size` bytes. */
export function writeAll(access, bytes, at, size) {
  for (const end = at + bytes.length; at < end; ) {
    let written = 0;
    try {
      written = access.write(bytes.subarray(bytes.length - (end - at)), { at });
    } catch (error) {
      if (error.name !== "QuotaExceededError") throw error;
    }
    // A full disk may also take nothing without an error.
    if (!written) throw new NoSpace(size, at);
    at += written;
  }
}

/** Returns how many bytes more fit into the store, up to `wanted`; nothing where the store cannot be asked. */
export async function room(folder, wanted) {
  const name = `room-${crypto.randomUUID()}`;
  const handle = await folder.getFileHandle(name, { create: true });
  try {
    const access = await handle.createSyncAccessHandle();
    try {
      reserve(access, wanted);
      return wanted;
    } catch (error) {
      return error.has;
    } finally {
      access.close();
    }
  } finally {
    await folder.removeEntry(name).catch(() => {});
  }
}
