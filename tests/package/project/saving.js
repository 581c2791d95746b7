import { Peer, saveToDisk, toZip } from "xcher";

const asked = new URLSearchParams(location.search);

/** Saves all files twice into a directory, then as an archive, and one as a download. */
async function saveAll() {
  const peer = await Peer.connect(asked.get("url"), { nick: "saver" });
  const session = await peer.open(asked.get("nick"));
  const listed = [];
  for await (const file of session.list()) listed.push(file);
  const target = await navigator.storage.getDirectory();
  const saved = await saveToDisk(session.getAll(listed), target);
  const again = await saveToDisk(listed.map((file) => session.get(file)), target);
  const archive = await new Response(await toZip(session.getAll(listed))).blob();
  const downloaded = await saveToDisk(session.get(listed.find(({ size }) => size > 0)));
  const read = await Promise.all(saved.map(async ({ name, path }) => ({ name, path, ...(await digest(target, path)) })));
  await session.end();
  await peer.close();
  return { saved: read, again, archive: archive.size, downloaded };
}

async function digest(target, path) {
  const parts = path.split("/");
  const last = parts.pop();
  for (const part of parts) target = await target.getDirectoryHandle(part);
  const bytes = await (await (await target.getFileHandle(last)).getFile()).arrayBuffer();
  const hash = [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))];
  return { size: bytes.byteLength, hash: hash.map((byte) => byte.toString(16).padStart(2, "0")).join("") };
}

saveAll().then(
  (result) => (document.body.dataset.result = JSON.stringify(result)),
  (error) => (document.body.dataset.result = JSON.stringify({ error: `${error.code}: ${error.message}` })),
);
