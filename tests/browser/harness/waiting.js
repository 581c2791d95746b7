import { setTimeout as sleep } from "node:timers/promises";
import { activity, done } from "./activity.js";

/**
 * Time without any activity after which a test fails, in milliseconds: on a busy machine everything takes
 * longer, but nothing stops.
 */
export const PATIENCE = Number(process.env.XCHER_PATIENCE ?? 30_000);

/** An idle browser moves fewer bytes than this in half that time. */
const LEAST = 1 << 20;
/**
 * Consecutive checks with processor time but no bytes that count as activity: a browser is never fully idle.
 */
const AT_WORK = 4;

/** Calls `giveUp` once nothing has moved for that time. */
class Patience {
  #patience;
  #giveUp;
  #timer;
  #atWork = 0;

  constructor(patience, giveUp) {
    this.#patience = patience;
    this.#giveUp = giveUp;
    this.renew();
  }

  /** Records activity. */
  renew() {
    this.#atWork = 0;
    this.#wait();
  }

  #wait() {
    this.stop();
    this.#timer = setTimeout(() => {
      const middle = activity();
      this.#timer = setTimeout(() => this.#look(done(middle, activity())), this.#patience / 2);
    }, this.#patience / 2);
  }

  #look({ ticks, bytes }) {
    this.#atWork = bytes < LEAST ? this.#atWork + 1 : 0;
    if ((ticks || bytes >= LEAST) && this.#atWork <= AT_WORK) this.#wait();
    else this.#giveUp("nothing moves");
  }

  stop() {
    clearTimeout(this.#timer);
  }
}

/**
 * Awaits the promise of `begin` as long as something moves; otherwise aborts the signal passed to it.
 *
 * @template T
 * @param {string} what
 * @param {(signal: AbortSignal) => Promise<T>} begin
 * @returns {Promise<T>}
 */
export async function patiently(what, begin, patience = PATIENCE) {
  const controller = new AbortController();
  let waits;
  const still = new Promise((_, reject) => {
    waits = new Patience(patience, (why) => {
      const error = new Error(`expected ${what}, but ${why}`);
      controller.abort(error);
      reject(error);
    });
  });
  try {
    return await Promise.race([begin(controller.signal), still]);
  } finally {
    waits.stop();
  }
}

/** Waits until `look` returns true, which is asked at every `interval`, in milliseconds. */
export const eventually = (what, look, interval = 20) =>
  patiently(what, async (signal) => {
    while (!signal.aborted && !(await look())) await sleep(interval);
  });

/**
 * Waits until `look` finds something, calling it again at each `poke`. Fails if nothing has moved for
 * {@link PATIENCE}, or once the watched thing has ended.
 */
export class Watched {
  #waiting = new Map();
  #ended;

  /** Reports a change. */
  poke() {
    for (const patience of this.#waiting.values()) patience.renew();
    this.look();
  }

  /** Reports a possible change. */
  look() {
    for (const look of [...this.#waiting.keys()]) look();
  }

  /** Reports the end of changes: pending waits fail with `why`. */
  end(why) {
    this.#ended ??= why;
    this.look();
  }

  /**
   * @template T
   * @param {string} what
   * @param {() => T | undefined} look
   * @param {() => string} [story] returns details for the failure
   * @param {number} [patience]
   * @returns {Promise<T>}
   */
  until(what, look, story = () => "", patience = PATIENCE) {
    return new Promise((resolve, reject) => {
      const over = () => {
        waits.stop();
        this.#waiting.delete(again);
      };
      const fail = (why) => {
        over();
        reject(new Error(`expected ${what}, but ${why}\n${story()}`));
      };
      const again = () => {
        try {
          const found = look();
          if (found !== undefined) {
            over();
            resolve(found);
          } else if (this.#ended !== undefined) {
            fail(this.#ended);
          }
        } catch (error) {
          over();
          reject(error);
        }
      };
      const waits = new Patience(patience, fail);
      this.#waiting.set(again, waits);
      again();
    });
  }
}
