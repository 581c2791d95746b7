/** Space in this browser for files that become downloads: the store itself is asked, by the worker. */
import { tell } from "./messages.js";

/** Bytes from which a browser is asked to keep its store, whatever else needs space. */
const WORTH_KEEPING = 64 << 20;
/** Time to wait for the user's answer where the files do not fit otherwise, in milliseconds. */
const ANSWER_TIMEOUT = 60_000;

const waiting = new Map();

/** Resolves to how many of so many bytes fit, or to nothing if the browser does not say. */
export function roomFor(bytes) {
  if (!waiting.has(bytes)) {
    waiting.set(bytes, Promise.withResolvers?.() ?? deferred());
    tell("room", bytes);
  }
  return waiting.get(bytes).promise;
}

/** Takes the worker's answer. */
export function room(bytes, has) {
  waiting.get(bytes)?.resolve(has);
  waiting.delete(bytes);
}

function deferred() {
  const one = {};
  one.promise = new Promise((resolve) => (one.resolve = resolve));
  return one;
}

/**
 * Asks the browser to keep its store, for many bytes. Firefox asks its user, and has more space for a page that
 * it keeps: only then this waits for the answer.
 */
export async function keepStore(bytes) {
  const { storage } = navigator;
  if (bytes < WORTH_KEEPING || !storage?.persist || (await storage.persisted())) return;
  const asked = storage.persist().catch(() => {});
  const { quota, usage } = await storage.estimate();
  if (bytes < quota - usage) return;
  await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, ANSWER_TIMEOUT))]);
}
