/**
 * Questions whether the other host shares a file. Those about one name that wait are asked once.
 *
 * @typedef {{
 *   resolve: (yes: boolean) => void, reject: (error: import("./error.js").XcherError) => void, answer: Promise<boolean>,
 * }} Check
 */
export class FileChecks {
  #send;
  /** @type {Map<string, Check>} */
  #waiting = new Map();

  /** @param {(name: string) => void} send asks the other host */
  constructor(send) {
    this.#send = send;
  }

  /** @param {string} name */
  ask(name) {
    const asked = this.#waiting.get(name);
    if (asked) return asked.answer;
    this.#send(name);
    const check = /** @type {Check} */ ({});
    check.answer = new Promise((resolve, reject) => Object.assign(check, { resolve, reject }));
    this.#waiting.set(name, check);
    return check.answer;
  }

  /** @param {string} name @param {boolean} yes */
  answered(name, yes) {
    this.#waiting.get(name)?.resolve(yes);
    this.#waiting.delete(name);
  }

  /** No answer will come. @param {import("./error.js").XcherError} reason */
  fail(reason) {
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }
}
