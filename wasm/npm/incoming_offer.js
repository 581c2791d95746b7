import { downloadOptions } from "./download_options.js";
import { misuse } from "./error.js";
import { shown } from "./shown.js";

/** The most files of a session's offers that wait for a decision; those beyond are declined. */
const MAX_FILES = 100_000;
/** The most characters of their names. */
const MAX_NAMES_LEN = 1 << 24;

/**
 * @typedef {import("./index.js").RemoteFile} RemoteFile
 * @typedef {import("./session.js").Session} Session
 */

/** Files that the peer offers. None is sent before it is accepted. */
export class Offer {
  #decide;
  #decided = false;

  /**
   * @param {Session} session
   * @param {RemoteFile[]} files
   * @param {(unwanted: RemoteFile[]) => void} decide called once, with the files to decline
   */
  constructor(session, files, decide) {
    this.session = session;
    this.files = files;
    this.size = files.reduce((sum, { size }) => sum + size, 0);
    this.#decide = decide;
  }

  /** @param {Iterable<string>} [names] @param {import("./index.js").DownloadOptions} [options] */
  accept(names, options) {
    if (this.#decided) throw misuse("this offer is decided already");
    if (names !== undefined && (typeof names !== "object" || typeof names?.[Symbol.iterator] !== "function")) {
      throw misuse(`the names are ${shown(names)}: give a list of names, or leave it out for all files`);
    }
    downloadOptions(options);
    const wanted = new Set(names ?? this.files.map(({ name }) => name));
    const taken = this.files.filter(({ name }) => wanted.delete(name));
    for (const name of wanted) throw misuse(`the offer has no file ${name}`);
    this.#decided = true;
    const kept = new Set(taken);
    this.#decide(this.files.filter((file) => !kept.has(file)));
    return taken.map((file) => this.session.get(file, options));
  }

  decline() {
    if (!this.#decided) this.accept([]);
  }
}

/** The offers of a session, incomplete and undecided. */
export class Offers {
  #decline;
  /** Files of the offer that is arriving. @type {Map<string, RemoteFile>} */
  #files = new Map();
  #held = 0;
  #namesLen = 0;

  /** @param {(name: string) => void} decline */
  constructor(decline) {
    this.#decline = decline;
  }

  /** @param {RemoteFile} file */
  push(file) {
    const { name } = file;
    // A single NO would decline both.
    if (this.#files.has(name)) return;
    if (this.#held === MAX_FILES || this.#namesLen + name.length > MAX_NAMES_LEN) return this.#decline(name);
    this.#files.set(name, file);
    this.#hold([file], 1);
  }

  /** Returns the offer that is complete now, unless it is empty. @param {Session} session */
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
    for (const { name } of files) this.#namesLen += sign * name.length;
  }
}
