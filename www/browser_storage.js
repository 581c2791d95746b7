/**
 * What the browser keeps for this page: for all tabs, or for this one. Where it keeps nothing, because the user
 * blocks it, everything is kept as long as the tab is open.
 */

const memory = new Map();

/** Access alone throws where cookies are blocked. */
function attempt(does) {
  try {
    return does();
  } catch {
    return undefined;
  }
}

export const kept = (name) => attempt(() => localStorage[name]) ?? memory.get(name);

export function keep(name, value) {
  memory.set(name, String(value));
  attempt(() => (localStorage[name] = value));
}

export const keptInTab = (name) => attempt(() => sessionStorage[name]) ?? memory.get(`tab ${name}`);

export function keepInTab(name, value) {
  memory.set(`tab ${name}`, String(value));
  attempt(() => (sessionStorage[name] = value));
}
