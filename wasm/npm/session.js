import { Deferred } from "./deferred.js";
import { Download } from "./download.js";
import { XcherError } from "./error.js";
import { FileLookup } from "./file_lookup.js";
import { byName, described } from "./file_names.js";
import { Offers } from "./incoming_offer.js";
import { Listing } from "./listing.js";
import { Offering } from "./outgoing_offer.js";
import { RemoteFile } from "./remote_file.js";

/**
 * @typedef {{
 *   resolve: (yes: boolean) => void, reject: (error: XcherError) => void, answer: Promise<boolean>,
 * }} Check
 * @typedef {{
 *   peerAddress: string, nick: string, incoming: boolean, key: string, state: string,
 * }} Opened as the module's event `opened` has it
 * @typedef {ConstructorParameters<typeof RemoteFile>} FileDetails
 */

/** The most files that may be declined in a session; a peer that offers more is disconnected. */
const MAX_DECLINED = 200_000;

/** A session with another host. */
export class Session {
  #driver;
  #id;
  peerAddress = "";
  secure = false;
  /** @type {string | undefined} */
  peerKey;
  /** @type {"here" | "there" | undefined} */
  whyPlain;
  /** @type {"pinned" | "first" | "code" | "no" | undefined} */
  known;
  /** @type {Listing | undefined} */
  #listing;
  #lookup = new FileLookup(() => this.list());
  /** @type {Map<string, Check>} */
  #checks = new Map();
  /** @type {Deferred<XcherError | undefined>} */
  #end = new Deferred();
  closed = this.#end.promise;
  /** @type {Deferred<string>} */
  #words = new Deferred();
  #register;
  /** @type {Set<{ cancel(): void }>} */
  #transfers = new Set();
  /** Files that the peer offers. */
  #offers;
  /** Files that were offered to the peer. @type {Map<string, { file: Blob, offering: Offering }>} */
  #offered = new Map();
  /** Set once the application announces itself what it wants. */
  #announces = false;

  /**
   * @param {import("./driver.js").Driver} driver
   * @param {number} id
   * @param {Opened} opened
   * @param {{
   *   download(id: number, download: Download): void, offering(id: number, offering: Offering): void,
   * }} register takes new transfers and offers
   */
  constructor(driver, id, opened, register) {
    this.#driver = driver;
    this.#id = id;
    this.#register = register;
    this.nick = opened.nick || undefined;
    this.incoming = opened.incoming;
    this.opened(opened);
    let declined = 0;
    this.#offers = new Offers((name) => {
      try {
        // Each refusal waits in memory for a peer that may not read.
        if (++declined > MAX_DECLINED) this.reject();
        else this.#driver.do({ kind: "decline", session: id, name });
      } catch {
        // A session that has ended needs no answer.
      }
    });
  }

  get safetyWords() {
    return this.#words.promise;
  }

  async *list() {
    // The rest of an abandoned listing comes first.
    while (this.#listing?.dropped) await this.#listing.over;
    this.#do("list");
    const listing = new Listing((entries) => {
      this.#driver.do({ kind: "entriesRead", session: this.#id, entries });
    });
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
    this.#driver.do({ kind: "check", session: this.#id, name });
    const check = /** @type {Check} */ ({});
    check.answer = new Promise((resolve, reject) => Object.assign(check, { resolve, reject }));
    this.#checks.set(name, check);
    return check.answer;
  }

  /**
   * @param {string | import("./index.js").RemoteFile} file
   * @param {{ partial?: Blob, confirm?: boolean }} [options]
   */
  get(file, { partial, confirm = false } = {}) {
    const { name, size } = typeof file === "string" ? { name: file, size: undefined } : file;
    const listed = typeof file === "string" ? this.#lookup.find(name) : Promise.resolve(file);
    const download = new Download(this.#driver, name, size, partial, confirm, async (download) => {
      const file = await listed;
      this.#driver.do({ kind: "addFile", name, size: RemoteFile.spelling(file) });
      const id = this.#do("get");
      this.#begin(id, download);
      return id;
    });
    listed.then(
      ({ size }) => {
        download.size ??= size;
      },
      (error) => download.failed(error),
    );
    return download;
  }

  /** @param {Iterable<import("./index.js").Named>} files */
  offer(files) {
    const named = byName(files);
    const open = [...named.keys()].find((name) => this.#offered.get(name)?.offering.isSettled === false);
    if (open) throw new XcherError("misuse", `${open} is offered already: wait until that offer is settled`);
    for (const [name, file] of named) this.#driver.do({ kind: "addFile", ...described(name, file) });
    const id = this.#do("offer");
    const offering = new Offering(this, [...named].map(([name, { size }]) => ({ name, size })));
    this.#register.offering(id, offering);
    for (const [name, file] of named) this.#offered.set(name, { file, offering });
    return offering;
  }

  /** @param {{ files?: number, bytes?: number, here?: number }} what */
  want({ files = 0, bytes = 0, here = 0 }) {
    this.#announces = true;
    this.#driver.do({ kind: "announce", session: this.#id, files, bytes, here });
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
      for (const file of files) {
        this.#driver.do({ kind: "addFile", name: file.name, size: RemoteFile.spelling(file) });
      }
      const id = this.#do("get");
      first = () => id;
      if (!this.#announces && files.length) {
        const bytes = files.reduce((sum, { size }) => sum + size, 0);
        this.#driver.do({ kind: "announce", session: this.#id, files: files.length, bytes, here: 0 });
      }
      // Before any event about them can arrive.
      downloads.forEach((download, at) => this.#begin(id + at, download));
    } catch (error) {
      first = () => {
        throw error;
      };
    }
    for (const download of downloads) download.start().catch(() => {});
    return downloads;
  }

  /** @param {"list" | "get" | "offer" | "end"} kind */
  #do(kind) {
    return this.#driver.do({ kind, session: this.#id });
  }

  /** @param {number} id @param {Download} download */
  #begin(id, download) {
    this.#register.download(id, download);
    this.transfer(download);
  }

  async end() {
    this.#do("end");
    await this.closed;
  }

  reject() {
    for (const transfer of [...this.#transfers]) transfer.cancel();
    this.#do("end");
  }

  // Called by `sessions.js` and `transfers.js`.

  /**
   * Sets the peer's address, key and encryption. Happens again if the first connection to this host's port
   * was not the peer's.
   *
   * @param {Opened} opened
   */
  opened({ peerAddress, key, state }) {
    // Nothing waits for the words of an unencrypted session any more.
    if (!this.secure) this.#words = new Deferred();
    this.peerAddress = peerAddress;
    this.secure = key !== "";
    this.peerKey = key || undefined;
    this.whyPlain = this.secure ? undefined : /** @type {"here" | "there"} */ (state);
    this.known = this.secure ? /** @type {Session["known"]} */ (state) : undefined;
    if (!this.secure) {
      const why = "the session is unencrypted and has no safety words";
      this.#words.reject(new XcherError("not-private", why));
    }
  }

  /** Returns a file that was offered to the peer. @param {string} name */
  offeredFile(name) {
    return this.#offered.get(name)?.file;
  }

  /**
   * Cancels this transfer if the session is rejected.
   *
   * @param {{ cancel(): void, done: Promise<void> }} transfer
   */
  transfer(transfer) {
    this.#transfers.add(transfer);
    const over = () => this.#transfers.delete(transfer);
    transfer.done.then(over, over);
  }

  /** @param {FileDetails} file */
  offerEntry(...file) {
    this.#offers.push(new RemoteFile(...file));
  }

  /** Returns the offer that is complete now, unless it is empty. */
  offerEnd() {
    return this.#offers.end(this);
  }

  /** @param {XcherError} error why the peer will request no more of the offered files */
  notOffered(error) {
    for (const { offering } of this.#offered.values()) offering.ended(error);
  }

  /** @param {FileDetails} file */
  entry(...file) {
    this.#listing?.push(new RemoteFile(...file));
  }

  listEnd() {
    const listing = this.#listing;
    this.#listing = undefined;
    listing?.end();
  }

  /** @param {string} words */
  setSafetyWords(words) {
    this.#words.resolve(words);
  }

  /** @param {string} name @param {boolean} yes */
  checked(name, yes) {
    this.#checks.get(name)?.resolve(yes);
    this.#checks.delete(name);
  }

  /** @param {XcherError | undefined} error */
  ended(error) {
    const reason = error ?? new XcherError("unreachable", "the session has ended");
    this.notOffered(reason);
    this.#words.reject(reason);
    this.#listing?.end(reason);
    this.#listing = undefined;
    for (const check of this.#checks.values()) check.reject(reason);
    this.#checks.clear();
    this.#end.resolve(error);
  }
}
