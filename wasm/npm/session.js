import { Deferred } from "./deferred.js";
import { XcherError } from "./error.js";
import { Download } from "./download.js";
import { Listing } from "./listing.js";
import { byName, changed } from "./file_names.js";
import { Offering } from "./outgoing_offer.js";
import { Offers } from "./incoming_offer.js";

/**
 * @typedef {{
 *   resolve: (yes: boolean) => void, reject: (error: XcherError) => void, answer: Promise<boolean>,
 * }} Check
 * @typedef {{ resolve: (size: string) => void, reject: (error: any) => void }} Seeking
 */

/** Files of offers that are declined in a session; who offers more of them is sent away. */
const DECLINED = 200_000;
/** By how secret a session is, as the module tells it. */
const WHY_PLAIN = /** @type {const} */ (["here", "there"]);
const KNOWN = /** @type {const} */ ([undefined, undefined, "no", "first", "pinned", "code"]);

/** An exchange with one other host. */
export class Session {
  #driver;
  #id;
  peerAddress = "";
  secure = false;
  /** @type {Listing | undefined} */
  #listing;
  /** @type {Map<string, Check>} */
  #checks = new Map();
  /** Whose size somebody wants to know. @type {Map<string, Seeking[]>} */
  #sought = new Map();
  #seeking = false;
  /** @type {Deferred<XcherError | undefined>} */
  #end = new Deferred();
  closed = this.#end.promise;
  /** @type {Deferred<string>} */
  #words = new Deferred();
  #register;
  /** @type {Set<{ cancel(): void }>} */
  #transfers = new Set();
  /** What the other side offers. */
  #offers;
  /** What we offered. @type {Map<string, { file: Blob, offering: Offering }>} */
  #offered = new Map();
  /** Whether the application says itself what it wants. */
  #announces = false;

  /**
   * @param {import("./driver.js").Driver} driver
   * @param {number} id
   * @param {{
   *   peerAddress: string, nick: string, incoming: boolean, secrecy: number, key: string,
   * }} about `secrecy`: as WHY_PLAIN and KNOWN have it
   * @param {{
   *   download(id: number, download: Download): void, offering(id: number, offering: Offering): void,
   * }} register what the peer hears of
   */
  constructor(driver, id, about, register) {
    this.#driver = driver;
    this.#id = id;
    this.#register = register;
    this.nick = about.nick || undefined;
    this.incoming = about.incoming;
    this.is(about);
    let declined = 0;
    this.#offers = new Offers((name) => {
      try {
        // Each NO waits in memory for a side that may not read.
        if (++declined > DECLINED) this.reject();
        else this.#driver.do("decline", { id, text: name });
      } catch {
        // A session that is over needs no answer.
      }
    });
  }

  get safetyWords() {
    return this.#words.promise;
  }

  async *list() {
    // One that nobody reads any more is in nobody's way.
    while (this.#listing?.dropped) await this.#listing.over;
    this.#driver.do("list", { id: this.#id });
    const listing = new Listing((number) => this.#driver.do("took", { id: this.#id, number }));
    this.#listing = listing;
    try {
      for (let file; (file = await listing.next()); ) yield file;
    } finally {
      listing.drop();
    }
  }

  /** @param {string} name */
  async check(name) {
    const asked = this.#checks.get(name);
    if (asked) return asked.answer;
    this.#driver.do("check", { id: this.#id, text: name });
    const check = /** @type {Check} */ ({});
    check.answer = new Promise((resolve, reject) => Object.assign(check, { resolve, reject }));
    this.#checks.set(name, check);
    return check.answer;
  }

  /** @param {string | import("./index.js").RemoteFile} file @param {{ partial?: Blob, confirm?: boolean }} [options] */
  get(file, { partial, confirm = false } = {}) {
    const name = typeof file === "string" ? file : file.name;
    const size = typeof file === "string" ? undefined : file.size;
    const sought = typeof file === "string" ? this.#seek(name) : Promise.resolve(spelled(file));
    const download = new Download(this.#driver, name, size, partial, confirm, async (download) => {
      const more = await sought;
      const id = this.#driver.do("get", { id: this.#id, text: name, more });
      this.#began(id, download);
      return id;
    });
    sought.then(
      (listed) => {
        download.size ??= bytes(listed);
      },
      (error) => download.failed(error),
    );
    return download;
  }

  /** @param {Iterable<import("./index.js").Named>} files */
  offer(files) {
    const named = byName(files);
    const open = [...named.keys()].find((name) => this.#offered.get(name)?.offering.isSettled === false);
    if (open) throw new XcherError("misuse", `expected a file that is not offered yet, got ${open}`);
    const listed = [...named].map(([name, { size }]) => ({ name, size }));
    const text = [...named.keys()].join("\n");
    const more = [...named.values()].map((file) => `${file.size} ${changed(file)}`).join("\n");
    const id = this.#driver.do("offer", { id: this.#id, text, more });
    const offering = new Offering(this, listed);
    this.#register.offering(id, offering);
    for (const [name, file] of named) this.#offered.set(name, { file, offering });
    return offering;
  }

  /** @param {{ files?: number, bytes?: number, here?: number }} what */
  want({ files = 0, bytes = 0, here = 0 }) {
    this.#announces = true;
    this.#driver.do("announce", { id: this.#id, number: files, more: `${bytes} ${here}` });
  }

  /** @param {readonly import("./index.js").RemoteFile[]} files @param {{ confirm?: boolean }} [options] */
  getAll(files, { confirm = false } = {}) {
    /** @type {() => number} */
    let first;
    const downloads = files.map(
      ({ name, size }, at) =>
        new Download(this.#driver, name, size, undefined, confirm, async () => first() + at),
    );
    try {
      const text = files.map(({ name }) => name).join("\n");
      const more = files.map(spelled).join("\n");
      const id = files.length && this.#driver.do("get", { id: this.#id, text, more });
      first = () => id;
      if (!this.#announces && files.length) {
        const sum = files.reduce((sum, { size }) => sum + size, 0);
        this.#driver.do("announce", { id: this.#id, number: files.length, more: `${sum} 0` });
      }
      // Now: what becomes of them may be told before anything else is done.
      downloads.forEach((download, at) => this.#began(id + at, download));
    } catch (error) {
      first = () => {
        throw error;
      };
    }
    for (const download of downloads) download.start().catch(() => {});
    return downloads;
  }

  /** @param {number} id @param {Download} download */
  #began(id, download) {
    this.#register.download(id, download);
    this.#transfers.add(download);
    const over = () => this.#transfers.delete(download);
    download.done.then(over, over);
  }

  async end() {
    this.#driver.do("end", { id: this.#id });
    await this.closed;
  }

  reject() {
    for (const transfer of [...this.#transfers]) transfer.cancel();
    this.#driver.do("end", { id: this.#id });
  }

  // What follows is for the peer.

  /**
   * Whom it is with: again, where a stranger was first at our port.
   *
   * @param {{ peerAddress: string, secrecy: number, key: string }} about
   */
  is({ peerAddress, secrecy, key }) {
    // Of one in the clear nobody waits for them any more.
    if (!this.secure) this.#words = new Deferred();
    this.peerAddress = peerAddress;
    this.secure = key !== "";
    this.peerKey = key || undefined;
    this.whyPlain = WHY_PLAIN[secrecy];
    this.known = KNOWN[secrecy];
    if (!this.secure) {
      const why = "expected a private session, got one in the clear";
      this.#words.reject(new XcherError("not-private", why));
    }
  }

  /** A file that was offered. @param {string} name */
  offeredFile(name) {
    return this.#offered.get(name)?.file;
  }

  /** @param {string} name @param {number} size @param {boolean} approximate @param {string} more */
  offers(name, size, approximate, more) {
    this.#offers.push(new RemoteFile(name, size, approximate, more));
  }

  /** What was offered so far is an offer, unless it is nothing. */
  offerEnds() {
    return this.#offers.end(this);
  }

  /** @param {XcherError} why nothing of what was offered will be asked for any more */
  unoffered(why) {
    for (const { offering } of this.#offered.values()) offering.ended(why);
  }

  /** @param {import("./upload.js").Upload} upload */
  uploads(upload) {
    this.#transfers.add(upload);
    const over = () => this.#transfers.delete(upload);
    upload.done.then(over, over);
  }

  /** @param {string} name @param {number} size @param {boolean} approximate @param {string} more */
  entry(name, size, approximate, more) {
    this.#listing?.push(new RemoteFile(name, size, approximate, more));
  }

  listed() {
    const listing = this.#listing;
    this.#listing = undefined;
    listing?.end();
  }

  /** @param {string} words */
  said(words) {
    this.#words.resolve(words);
  }

  /** @param {string} name @param {boolean} yes */
  checked(name, yes) {
    this.#checks.get(name)?.resolve(yes);
    this.#checks.delete(name);
  }

  /** @param {XcherError | undefined} error */
  ended(error) {
    const fate = error ?? new XcherError("unreachable", "the session is over");
    this.unoffered(fate);
    this.#words.reject(fate);
    this.#listing?.end(fate);
    this.#listing = undefined;
    for (const check of this.#checks.values()) check.reject(fate);
    this.#checks.clear();
    this.#end.resolve(error);
  }

  /**
   * The size of a file as it is listed. One list answers all who ask meanwhile.
   *
   * @param {string} name
   * @returns {Promise<string>}
   */
  #seek(name) {
    return new Promise((resolve, reject) => {
      const others = this.#sought.get(name);
      if (others) others.push({ resolve, reject });
      else this.#sought.set(name, [{ resolve, reject }]);
      this.#seekAll();
    });
  }

  async #seekAll() {
    if (this.#seeking) return;
    this.#seeking = true;
    try {
      // Who asks while a list comes may have been passed by already.
      while (this.#sought.size > 0) await this.#seekOnce();
    } catch (error) {
      for (const name of [...this.#sought.keys()]) this.#found(name, ({ reject }) => reject(error));
    } finally {
      this.#seeking = false;
    }
  }

  async #seekOnce() {
    const asked = [...this.#sought.keys()];
    for await (const file of this.list()) {
      this.#found(file.name, ({ resolve }) => resolve(spelled(file)));
      if (this.#sought.size === 0) return;
    }
    for (const name of asked) {
      const why = `expected a file that the other side lists, got ${name}`;
      this.#found(name, ({ reject }) => reject(new XcherError("refused", why)));
    }
  }

  /** @param {string} name @param {(who: Seeking) => void} settle */
  #found(name, settle) {
    this.#sought.get(name)?.forEach(settle);
    this.#sought.delete(name);
  }
}

/** A file as the other side lists it. */
class RemoteFile {
  #spelled;

  /**
   * @param {string} name
   * @param {number} size
   * @param {boolean} approximate
   * @param {string} more how its size is spelled, when it was changed, `x` if it is a program
   */
  constructor(name, size, approximate, more) {
    const [spelled, changed, mode] = more.split(" ");
    this.name = name;
    this.size = size;
    this.approximate = approximate;
    this.modified = changed ? 1000 * Number(changed) : undefined;
    this.executable = mode === "x";
    this.#spelled = spelled;
  }

  /** @param {object} file */
  static spelled(file) {
    return #spelled in file ? file.#spelled : "";
  }
}

const UNITS = ["kb", "mb", "gb", "tb"];

/**
 * A size as the other side spells it: what it lists is what it wants to hear again.
 *
 * @param {import("./index.js").RemoteFile} file
 */
function spelled(file) {
  const spelled = RemoteFile.spelled(file);
  if (spelled || !file.approximate) return spelled || String(file.size);
  let [count, unit] = [file.size / 1024, 0];
  while (count % 1024 === 0 && unit < 3) [count, unit] = [count / 1024, unit + 1];
  return count + UNITS[unit];
}

/** @param {string} spelled */
function bytes(spelled) {
  const unit = UNITS.indexOf(spelled.slice(-2).toLowerCase());
  return parseInt(spelled, 10) * 1024 ** (unit + 1);
}
