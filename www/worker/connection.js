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

/** What `Peer.connect` is told about this device, and about links between browsers. */
export const links = { device: undefined, direct: "never", windowPort: undefined };

/** Sets the kind of this device, for the next connection. */
export function device(kind) {
  links.device = kind;
}

/** Sets the user's choice, for the next connection. */
export function direct(policy) {
  links.direct = policy;
}

/** Takes the port to the window, which makes links. */
export function lend(port) {
  links.windowPort = port;
}

export function setPeer(made) {
  peer = made;
}
