import { activity, done } from "./activity.js";

/**
 * How long nothing may move before a test has failed, in milliseconds: on a busy machine everything takes
 * longer, but nothing stands still.
 */
export const PATIENCE = Number(process.env.XCHER_PATIENCE ?? 30_000);

/** Less than so many bytes is what an idle browser moves in half of that. */
const LEAST = 1 << 20;
/** So many times in a row processors may work where no byte moves: a browser is never quite idle. */
const AT_WORK = 4;

/** Calls `giveUp` once nothing has moved for so long. */
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

  /** Something was seen to move. */
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
 * Waits for what `begin` promises, as long as something moves; then aborts the signal that it was given.
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

/**
 * Waits for what `look` finds, looking again at each `poke`; fails when nothing has moved for
 * {@link PATIENCE}, or when the thing that is watched has ended.
 */
export class Watched {
  #waiting = new Map();
  #ended;

  /** Something changed. */
  poke() {
    for (const patience of this.#waiting.values()) patience.renew();
    this.look();
  }

  /** Something may have changed. */
  look() {
    for (const look of [...this.#waiting.keys()]) look();
  }

  /** Nothing will change any more: who still waits fails, with `why`. */
  end(why) {
    this.#ended ??= why;
    this.look();
  }

  /**
   * @template T
   * @param {string} what
   * @param {() => T | undefined} look
   * @param {() => string} [story] what to add to the failure
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
