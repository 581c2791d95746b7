/** What was left of files that did not come whole. */
import { tell } from "../messages.js";
import { claim, folder, lockOf, remove } from "./partial.js";

/** How long it stays after it last grew, in milliseconds: 7 days. */
const EXPIRY = 604_800_000;

/** Says what is left; removes what is too old, or nobody's. */
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
  tell("unfinished", all.sort((a, b) => a.name.localeCompare(b.name)));
}

async function read(root, id) {
  const file = async (end) => (await root.getFileHandle(`${id}.${end}`)).getFile();
  const { size: bytes, lastModified } = await file("part");
  if (!bytes || Date.now() - lastModified > EXPIRY) throw new Error("expired");
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
