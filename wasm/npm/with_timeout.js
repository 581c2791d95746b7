import { XcherError } from "./error.js";

/** Time that a call waits for the bridge, the relay or an answer to a call by default, in milliseconds. */
export const DEFAULT_TIMEOUT = 30_000;
/** The longest delay that a timer takes, in milliseconds. */
const MAX_DELAY = 0x7fffffff;

/** Returns the error of a call that its signal ended. @param {AbortSignal} signal */
export const aborted = (signal) => new XcherError("cancelled", "cancelled", signal.reason);

/**
 * Calls a function after a time, or never if it is longer than a timer can be. Returns a function that prevents it.
 *
 * @param {number | undefined} timeout
 * @param {() => void} late
 */
export function after(timeout, late) {
  const timer = timeout === undefined || timeout > MAX_DELAY ? undefined : setTimeout(late, timeout);
  return () => clearTimeout(timer);
}

/**
 * Calls a function once a signal is aborted, also if it is already. Returns a function that prevents it.
 *
 * @param {AbortSignal | undefined} signal
 * @param {(error: XcherError) => void} abort
 */
export function onAbort(signal, abort) {
  if (!signal) return () => {};
  const listener = () => abort(aborted(signal));
  if (signal.aborted) listener();
  else signal.addEventListener("abort", listener, { once: true });
  return () => signal.removeEventListener("abort", listener);
}

/**
 * Returns a promise that a signal or a timeout can reject.
 *
 * @template T
 * @param {{ signal?: AbortSignal, timeout?: number }} limits checked; without `timeout`, there is none
 * @param {string} failure what to say at the timeout, without the time
 * @param {(resolve: (value: T) => void, reject: (error: unknown) => void) => void} begin not called if the signal
 *   is aborted already
 * @returns {Promise<T>}
 */
export async function within({ signal, timeout }, failure, begin) {
  if (signal?.aborted) throw aborted(signal);
  /** @type {(() => void)[]} */
  let undo = [];
  try {
    return await new Promise((resolve, reject) => {
      undo = [after(timeout, () => reject(timedOut(failure, timeout))), onAbort(signal, reject)];
      begin(resolve, reject);
    });
  } finally {
    for (const each of undo) each();
  }
}

/** @param {string} failure @param {number | undefined} timeout */
export function timedOut(failure, timeout = 0) {
  return new XcherError("timed-out", `${failure} within ${timeout / 1000} s`);
}
