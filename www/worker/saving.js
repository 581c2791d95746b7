/** Where a file goes that comes: onto the disk, and under its name only when it is whole. */
import { inFolder, inFile } from "./folder.js";
import { inParts } from "./parts.js";
import { inStore } from "./store.js";

/**
 * Opens what takes the bytes: `write(bytes)`, then `close()` or `abort()`, each to be waited for.
 * `close` gives the file if it still has to be handed to the browser's downloads.
 */
export async function sink(target, name, size) {
  if (target?.kind === "directory") return inFolder(target, name);
  if (target) return inFile(target);
  await room(size);
  // Pages without https, and some private windows, have no store.
  const store = await navigator.storage?.getDirectory?.().catch(() => {});
  return store ? inStore(store) : inParts();
}

async function room(size) {
  const { quota, usage } = (await navigator.storage?.estimate?.()) ?? {};
  if (quota - usage < size) {
    const mb = (bytes) => `${Math.floor(bytes / 1e6)} MB`;
    throw new Error(
      `This browser has not enough room: expected ${mb(size)}, got ${mb(Math.max(0, quota - usage))}.`,
    );
  }
}
