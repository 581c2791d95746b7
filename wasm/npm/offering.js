import { Deferred } from "./deferred.js";

/** Files that were offered to someone. */
export class Offering {
  #sent = 0;
  #declined = 0;
  /** Those that did not get across: they may be asked for again. @type {Set<string>} */
  #failed = new Set();
  #moving = 0;
  /** @type {import("./error.js").XcherError | undefined} */
  #fate;
  /** @type {Deferred<void>} */
  #end = new Deferred();
  done = this.#end.promise;

  /**
   * @param {import("./session.js").Session} session
   * @param {{ name: string, size: number }[]} files
   */
  constructor(session, files) {
    this.session = session;
    this.files = files;
  }

  get sent() {
    return this.#sent;
  }

  get declined() {
    return this.#declined;
  }

  get failed() {
    return this.#failed.size;
  }

  // What follows is for the session.

  /** Whether each file was sent or declined, or did not get across. */
  get isSettled() {
    return this.#moving === 0 && this.#sent + this.#declined + this.#failed.size >= this.files.length;
  }

  /** @param {import("./upload.js").Upload} upload */
  uploads({ name, more, done }) {
    this.#failed.delete(name);
    this.#moving += 1;
    const over = (/** @type {() => void} */ count) => () => {
      count();
      this.#moving -= 1;
      this.#settle();
    };
    done.then(over(() => (this.#sent += 1 + more)), over(() => this.#failed.add(name)));
  }

  declines() {
    this.#declined += 1;
    this.#settle();
  }

  /** Nothing more is asked for. @param {import("./error.js").XcherError} why */
  ended(why) {
    this.#fate = why;
    this.#settle();
  }

  #settle() {
    if (this.isSettled) this.#end.resolve();
    else if (this.#fate && this.#moving === 0) this.#end.reject(this.#fate);
  }
}
