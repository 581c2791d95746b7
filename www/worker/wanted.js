/** Files that are wanted and not here yet, by nick and name. */

const names = new Map();
/** Those that are paused. */
const aside = new Set();

const key = (nick, name) => `${nick}\n${name}`;

export function want({ nick, file }) {
  aside.delete(key(nick, file.name));
  if (!names.has(nick)) names.set(nick, new Set());
  names.get(nick).add(file.name);
}

export const isWanted = (nick, name) => names.get(nick)?.has(name) && !aside.has(key(nick, name));

/** A file is paused: still wanted from its peer, but it is listed as incomplete. */
export const setAside = (nick, name) => aside.add(key(nick, name));

/** Takes a file off. Returns true if it was the last of this nick. */
export function have({ nick, file }) {
  const its = names.get(nick);
  const last = its?.delete(file.name) && !its.size;
  if (last) names.delete(nick);
  return last;
}
