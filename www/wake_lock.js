/** Keeps the screen on while files move: a phone that sleeps cuts the connection. */

let wanted = false;
let lock;

/** Called whenever it may have changed whether files move. */
export function keepAwake(moving) {
  if (moving === wanted) return;
  wanted = moving;
  if (moving) take();
  else lock?.release();
}

async function take() {
  if (!wanted || document.hidden || (lock && !lock.released)) return;
  try {
    // A browser lets it go when the page is hidden.
    lock = await navigator.wakeLock?.request("screen");
    if (!wanted) lock?.release();
  } catch {
    // The battery is low, or the browser does not allow it: the page works without.
  }
}

document.addEventListener("visibilitychange", take);
