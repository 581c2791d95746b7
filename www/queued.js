/** Peers whose files this tab fetches on after a reload: nobody is asked about them again. */

const nicks = new Set();

export function queued(all) {
  for (const nick of all) nicks.add(nick);
}

export const isQueued = (nick) => nicks.has(nick);
