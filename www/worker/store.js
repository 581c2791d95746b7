/** Files in the browser's own store (OPFS), from which they become downloads. */

/** How long a file stays after its last byte, in milliseconds: so long it may be being copied. */
const KEPT = 300_000;

export async function inStore(store) {
  const folder = await store.getDirectoryHandle("xcher", { create: true });
  const name = crypto.randomUUID();
  const handle = await folder.getFileHandle(name, { create: true });
  const access = await handle.createSyncAccessHandle();
  let at = 0;
  return {
    write(bytes) {
      for (let done = 0; done < bytes.length; ) {
        const taken = access.write(bytes.subarray(done), { at });
        if (!taken) throw new Error("expected room for the file, got none");
        done += taken;
        at += taken;
      }
    },
    async close() {
      access.close();
      return handle.getFile();
    },
    async abort() {
      access.close();
      await folder.removeEntry(name);
    },
  };
}

/** Removes what was kept long enough, of earlier visits too. What is being written is locked. */
async function sweep() {
  try {
    const store = await navigator.storage.getDirectory();
    const folder = await store.getDirectoryHandle("xcher");
    for await (const [name, handle] of folder.entries()) {
      const { lastModified } = await handle.getFile();
      if (Date.now() - lastModified > KEPT) await folder.removeEntry(name).catch(() => {});
    }
  } catch {
    // There is no store, or nothing in it.
  }
}

sweep();
setInterval(sweep, KEPT);
