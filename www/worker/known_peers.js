/** The keys of peers at this relay that this browser has pinned. */
import { tell } from "../messages.js";
import { keptPeers } from "../npm/index.js";
import { peer, relay } from "./connection.js";

/** Sends them to the page: none in a browser without storage. */
export async function known() {
  const all = await keptPeers.list().catch(() => []);
  const here = all.filter((one) => one.relay === relay);
  tell("known", here.sort((a, b) => a.nick.localeCompare(b.nick)), peer?.key ?? "");
}

/** Forgets a key: the next key of this nick counts as the first. */
export async function forget(nick) {
  await keptPeers.forget(nick, relay).catch(({ message }) => tell("notice", "not-forgotten", { nick, detail: message }));
  tell("forgotten", nick);
  known();
}
