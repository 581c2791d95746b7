import { XcherError } from "./error.js";

/**
 * A promise that a signal or the time may end.
 *
 * @template T
 * @param {{ signal?: AbortSignal, timeout?: number }} limits `timeout` in milliseconds
 * @param {string} what is waited for
 * @param {(resolve: (value: T) => void, reject: (error: unknown) => void) => void} begin
 * @returns {Promise<T>}
 */
export async function within({ signal, timeout = 30_000 }, what, begin) {
  const cancelled = () => new XcherError("cancelled", "cancelled");
  if (signal?.aborted) throw cancelled();
  let timer;
  let abort = () => {};
  try {
    return await new Promise((resolve, reject) => {
      const late = new XcherError("timed-out", `expected ${what}, got nothing in ${timeout} ms`);
      timer = setTimeout(() => reject(late), timeout);
      abort = () => reject(cancelled());
      signal?.addEventListener("abort", abort);
      begin(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}
