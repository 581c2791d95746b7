/** Incomplete downloads. */
import { tell } from "../messages.js";
import { PARTIAL_EXPIRY_MS } from "../npm/pkg/constants.js";
import { claim, folder, lockOf, remove } from "./partial.js";
import { isWanted } from "./wanted.js";

/**
 * Sends them to the page, and removes those that are too old or have no record. Those of downloads that wait
 * for their peer are rows there already.
 */
export async function unfinished() {
  const root = await folder().catch(() => {});
  if (!root) return;
  const ids = new Set();
  for await (const name of root.keys()) ids.add(name.split(".")[0]);
  const { held } = await navigator.locks.query();
  const all = [];
  for (const id of ids) {
    if (held.some(({ name }) => name === lockOf(id))) continue;
    try {
      all.push({ id, ...(await read(root, id)) });
    } catch {
      await discardFrom(root, id);
    }
  }
  const left = all.filter(({ nick, name }) => !isWanted(nick, name));
  tell("unfinished", left.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true })));
}

async function read(root, id) {
  const file = async (end) => (await root.getFileHandle(`${id}.${end}`)).getFile();
  const { size: bytes, lastModified } = await file("part");
  if (!bytes || Date.now() - lastModified > PARTIAL_EXPIRY_MS) throw new Error("expired");
  return { ...JSON.parse(await (await file("json")).text()), bytes };
}

async function discardFrom(root, id) {
  const release = await claim(id);
  if (release) await remove(root, id);
  release?.();
}

export async function discard(id) {
  await discardFrom(await folder(), id);
  unfinished();
}
