/** This page's connection: its peer and the bridge that it uses. */

/** Undefined while offline. */
export let peer;
/** The bridge's `url` and `token`. */
export let bridge;
/** The name by which keys of peers are stored. */
export let relay;

export function setBridge(url, token) {
  bridge = { url, token };
  relay = new URL(url).host;
}

export function setPeer(made) {
  peer = made;
}
