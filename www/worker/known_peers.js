/** Whose keys this browser remembers, at this relay. */
import { tell } from "../messages.js";
import { keptPeers } from "../npm/index.js";
import { peer, relay } from "./main.js";

/** A browser that keeps nothing knows nobody. */
export async function known() {
  const all = await keptPeers.list().catch(() => []);
  const here = all.filter((one) => one.relay === relay);
  tell("known", here.sort((a, b) => a.nick.localeCompare(b.nick)), peer?.key ?? "");
}

/** On purpose: the next key of this nick is taken for the first. */
export async function forget(nick) {
  await keptPeers.forget(nick, relay).catch(({ message }) => tell("notice", message));
  tell("forgotten", nick);
  known();
}
