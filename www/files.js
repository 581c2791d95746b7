/** The files of a peer. What shows them loads once a peer is on the screen. */

let view;

/** Shows the files of a peer, whom it calls if this page is online; none without a nick. */
export function browse(nick, isOnline = true) {
  if (nick) view ??= import("./peer_files.js");
  view?.then(({ browse }) => browse(nick, isOnline));
}

/** Lists again once the page is back online, unless the listing is complete. */
export const reopen = () => view?.then(({ reopen }) => reopen());

/** Lists again once the peer's old key is forgotten. */
export const again = (nick) => view?.then(({ again }) => again(nick));

/** Takes a part of the listing, its end, or the `{ code, message }` of its failure. */
export const listing = (...what) => view?.then(({ listing }) => listing(...what));
