import { XcherError } from "./error.js";

/** Files of a session's offers that may wait for an answer; those beyond are declined. */
const FILES = 100_000;
/** Characters of their names. */
const NAMES = 1 << 24;

/**
 * @typedef {import("./index.js").RemoteFile} RemoteFile
 * @typedef {import("./session.js").Session} Session
 */

/** What the other side offers. Nothing of it comes before it is accepted. */
export class Offer {
  #decide;
  #decided = false;

  /**
   * @param {Session} session
   * @param {RemoteFile[]} files
   * @param {(unwanted: RemoteFile[]) => void} decide
   */
  constructor(session, files, decide) {
    this.session = session;
    this.files = files;
    this.size = files.reduce((sum, { size }) => sum + size, 0);
    this.#decide = decide;
  }

  /** @param {Iterable<string>} [names] @param {{ confirm?: boolean }} [options] */
  accept(names, { confirm } = {}) {
    if (this.#decided) throw new XcherError("misuse", "expected an offer that is not decided yet");
    const wanted = new Set(names ?? this.files.map(({ name }) => name));
    const taken = this.files.filter(({ name }) => wanted.delete(name));
    for (const name of wanted) throw new XcherError("misuse", `expected a file of the offer, got ${name}`);
    this.#decided = true;
    const kept = new Set(taken);
    this.#decide(this.files.filter((file) => !kept.has(file)));
    return taken.map((file) => this.session.get(file, { confirm }));
  }

  decline() {
    if (!this.#decided) this.accept([]);
  }
}

/** The offers of one session, on their way and undecided. */
export class Offers {
  #decline;
  /** Of the offer that comes. @type {Map<string, RemoteFile>} */
  #files = new Map();
  #held = 0;
  #names = 0;

  /** @param {(name: string) => void} decline */
  constructor(decline) {
    this.#decline = decline;
  }

  /** @param {RemoteFile} file */
  push(file) {
    const { name } = file;
    // One NO would answer both.
    if (this.#files.has(name)) return;
    if (this.#held === FILES || this.#names + name.length > NAMES) return this.#decline(name);
    this.#files.set(name, file);
    this.#hold([file], 1);
  }

  /** The offer is complete: it, unless there is nothing in it. @param {Session} session */
  end(session) {
    const files = [...this.#files.values()];
    this.#files.clear();
    if (files.length === 0) return undefined;
    return new Offer(session, files, (unwanted) => {
      this.#hold(files, -1);
      for (const { name } of unwanted) this.#decline(name);
    });
  }

  /** @param {RemoteFile[]} files @param {1 | -1} sign */
  #hold(files, sign) {
    this.#held += sign * files.length;
    for (const { name } of files) this.#names += sign * name.length;
  }
}
