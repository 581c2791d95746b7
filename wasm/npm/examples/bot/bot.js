/**
 * An inbox: stays online at a relay, stores what others offer, and shares one folder.
 *
 *     node bot.js https://relay.example/ inbox-bot ./inbox ./shared
 *
 * Its key and the keys that it has seen are kept in `bot.json`, so that callers know it again.
 */
import { openAsBlob } from "node:fs";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { Peer, saveToDisk } from "xcher";

/** The most bytes that a stranger may leave here at a time. */
const MAX_OFFER = 1 << 30;
const STATE = "bot.json";

const [url, nick, inbox, shared] = process.argv.slice(2);
if (!inbox) {
  console.error("usage: node bot.js URL NICK INBOX [SHARED]");
  process.exit(2);
}

// Node 22 has a WebSocket of its own, Node 20 needs the package ws.
const WebSocket = globalThis.WebSocket ?? (await import("ws")).default;
const state = await readFile(STATE, "utf8").then(JSON.parse, () => ({
  identity: Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64"),
  pins: {},
}));
// The identity is a secret: only this user may read it.
const keep = () => writeFile(STATE, JSON.stringify(state), { mode: 0o600 });
await keep();

const peer = await Peer.connect(url, {
  nick,
  WebSocket,
  privacy: "require",
  identity: Buffer.from(state.identity, "base64"),
  knownPeers: {
    get: (nick, relay) => state.pins[`${nick} ${relay}`],
    pin(nick, relay, key) {
      state.pins[`${nick} ${relay}`] = key;
      return keep();
    },
  },
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => peer.close());
peer.addEventListener("offline", ({ error }) => console.log(`offline: ${error.message}`));
peer.addEventListener("online", () => console.log("online again"));
peer.addEventListener("upload", ({ upload }) => {
  upload.done.then(
    () => console.log(`sent ${JSON.stringify(upload.name)}`),
    (error) => console.log(`not sent ${JSON.stringify(upload.name)}: ${error.message}`),
  );
});

for (const entry of shared ? await readdir(shared, { recursive: true, withFileTypes: true }) : []) {
  if (!entry.isFile()) continue;
  const path = join(entry.parentPath ?? entry.path, entry.name);
  peer.share(await openAsBlob(path), relative(shared, path).replaceAll("\\", "/"));
}
console.log(`online as ${peer.nick}`);

for await (const offer of peer.offers()) {
  if (offer.size > MAX_OFFER) {
    offer.decline();
    continue;
  }
  // Names come from strangers: JSON shows invisible characters.
  const from = JSON.stringify(offer.session.nick ?? offer.session.peerAddress);
  try {
    for (const { path, bytes } of await saveToDisk(offer.accept(), inbox)) {
      console.log(`stored ${JSON.stringify(path)}, ${bytes} bytes from ${from}`);
    }
  } catch (error) {
    console.log(`not stored: ${error.message}`);
  }
}
console.log("closed");
