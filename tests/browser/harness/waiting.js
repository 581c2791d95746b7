/** How long anything may take before a test has failed, in milliseconds: the machine may be busy. */
export const PATIENCE = Number(process.env.XCHER_PATIENCE ?? 30_000);

/**
 * Waits for what `look` finds, looking again at each `poke`; fails after {@link PATIENCE}, or when
 * the thing that is watched has ended.
 */
export class Watched {
  #waiting = new Set();
  #ended;

  /** Something changed. */
  poke() {
    for (const look of [...this.#waiting]) look();
  }

  /** Nothing will change any more: who still waits fails, with `why`. */
  end(why) {
    this.#ended ??= why;
    this.poke();
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
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(again);
      };
      const fail = (why) => {
        done();
        reject(new Error(`expected ${what}, but ${why}\n${story()}`));
      };
      const again = () => {
        try {
          const found = look();
          if (found !== undefined) {
            done();
            resolve(found);
          } else if (this.#ended !== undefined) {
            fail(this.#ended);
          }
        } catch (error) {
          done();
          reject(error);
        }
      };
      const timer = setTimeout(() => fail("time is up"), patience);
      this.#waiting.add(again);
      again();
    });
  }
}
