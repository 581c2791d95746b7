import { XcherError } from "./error.js";

/**
 * Returns a promise that a signal or a timeout can reject.
 *
 * @template T
 * @param {{ signal?: AbortSignal, timeout?: number }} limits `timeout` in milliseconds
 * @param {string} failure what to say at the timeout, without the time
 * @param {(resolve: (value: T) => void, reject: (error: unknown) => void) => void} begin
 * @returns {Promise<T>}
 */
export async function within({ signal, timeout = 30_000 }, failure, begin) {
  const cancelled = () => new XcherError("cancelled", "cancelled");
  if (signal?.aborted) throw cancelled();
  let timer;
  let abort = () => {};
  try {
    return await new Promise((resolve, reject) => {
      const late = new XcherError("timed-out", `${failure} within ${timeout / 1000} s`);
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
