import { Peer, version } from "xcher";

/**
 * Fetches all files that `nick` shares at the bridge `url`. Returns their names, sizes and SHA-256 digests.
 */
export async function fetchAll(url, nick, options = {}) {
  const peer = await Peer.connect(url, { nick: ["visitor", "visitor-2", "visitor-3"], ...options });
  const who = await peer.who();
  const session = await peer.open(nick);
  const files = [];
  for await (const { name, size } of session.list()) files.push({ name, size });
  for (const file of files) {
    const download = session.get(file);
    const bytes = await new Response(download.readable).arrayBuffer();
    await download.done;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    file.received = download.received;
    file.hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
  const absent = await session.check("no such file");
  await session.end();
  const ended = await session.closed;
  await peer.close();
  return { version, who, files, absent, ended: ended?.message };
}
