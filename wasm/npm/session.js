import { count, optional, text, waitOptions } from "./arguments.js";
import { Deferred } from "./deferred.js";
import { asyncDispose } from "./dispose.js";
import { Download } from "./download.js";
import { downloadOptions, remoteFile } from "./download_options.js";
import { XcherError, misuse } from "./error.js";
import { FileChecks } from "./file_checks.js";
import { FileLookup } from "./file_lookup.js";
import { byName, described } from "./file_names.js";
import { Offers } from "./incoming_offer.js";
import { Listings } from "./listings.js";
import { OfferedFiles } from "./offered_files.js";
import { Offering } from "./outgoing_offer.js";
import { RemoteFile } from "./remote_file.js";
import { shown } from "./shown.js";
import { aborted, within } from "./with_timeout.js";

/**
 * @typedef {import("./index.js").WaitOptions} WaitOptions
 * @typedef {import("./index.js").DownloadOptions} DownloadOptions
 * @typedef {{
 *   peerAddress: string, nick: string, incoming: boolean, key: string, state: string, device: string,
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
  /** @type {"bridge" | "direct"} */
  way = "bridge";
  /** @type {string | undefined} */
  peerKey;
  /** @type {"here" | "there" | undefined} */
  whyPlain;
  /** @type {"pinned" | "first" | "code" | "no" | undefined} */
  known;
  /** @type {import("./index.js").Device | undefined} */
  device;
  #listings;
  #lookup = new FileLookup(() => this.list());
  #checks = new FileChecks((name) => this.#driver.do({ kind: "check", session: this.#id, name }));
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
  #offered = new OfferedFiles();
  /** Set once the application announces itself what it wants. */
  #announces = false;
  #isEnding = false;
  #isOver = false;

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
    this.#listings = new Listings(
      () => this.#do("list"),
      (entries) => driver.do({ kind: "entriesRead", session: id, entries }),
    );
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

  /** @param {WaitOptions} [options] */
  list(options) {
    return this.#listings.entries(waitOptions(options));
  }

  /** @param {string} name @param {WaitOptions} [options] */
  async check(name, options) {
    const limits = waitOptions(options);
    text("the name", name);
    return within(limits, `the other host did not answer about ${name}`, (resolve, reject) => {
      this.#checks.ask(name).then(resolve, reject);
    });
  }

  /**
   * @param {string | import("./index.js").RemoteFile} file
   * @param {DownloadOptions & { partial?: Blob }} [options]
   */
  get(file, options) {
    const given = downloadOptions(options);
    const isName = typeof file === "string";
    const { name, size, modified, folder } = isName ? { name: text("the name of the file", file) } : remoteFile(file);
    const listed = isName ? this.#lookup.find(name) : Promise.resolve(file);
    const download = new Download(this.#driver, { ...given, name, size, modified, folder }, async (download) => {
      const file = await listed;
      this.#driver.do({ kind: "addFile", name, size: RemoteFile.spelling(file), folder: file.folder });
      const id = this.#do("get");
      this.#begin(id, download);
      return id;
    });
    listed.then(
      ({ size, modified, folder }) => {
        download.size ??= size;
        download.modified ??= modified;
        download.folder ??= folder;
      },
      (error) => download.failed(error),
    );
    return download;
  }

  /** @param {Iterable<import("./index.js").Named>} files @param {WaitOptions} [options] */
  offer(files, options) {
    const limits = waitOptions(options);
    if (limits.signal?.aborted) throw aborted(limits.signal);
    const named = byName(files);
    this.#offered.checkFree(named.keys());
    for (const [name, file] of named) this.#driver.do({ kind: "addFile", ...described(name, file) });
    const id = this.#do("offer");
    const sizes = [...named].map(([name, { size }]) => ({ name, size }));
    const offering = new Offering(this, sizes, () => this.#offered.remove(named), limits);
    this.#register.offering(id, offering);
    this.#offered.add(named, offering);
    return offering;
  }

  /** @param {{ files?: number, bytes?: number, here?: number }} what */
  want(what) {
    const { files = 0, bytes = 0, here = 0 } = optional(what);
    for (const [name, value] of Object.entries({ files, bytes, here })) count(name, value);
    this.#announces = true;
    this.#driver.do({ kind: "announce", session: this.#id, files, bytes, here });
  }

  /** @param {readonly import("./index.js").RemoteFile[]} files @param {DownloadOptions} [options] */
  getAll(files, options) {
    const { partial: _, ...given } = downloadOptions(options);
    if (!Array.isArray(files)) throw misuse(`the files are ${shown(files)}: give an array of files of a listing`);
    files.forEach(remoteFile);
    /** @type {() => number} */
    let first;
    const downloads = files.map(
      ({ name, size, modified, folder }, at) =>
        new Download(this.#driver, { ...given, name, size, modified, folder }, async () => first() + at),
    );
    try {
      for (const file of files) {
        this.#driver.do({ kind: "addFile", name: file.name, size: RemoteFile.spelling(file), folder: file.folder });
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

  /** @param {WaitOptions} [options] */
  async end(options) {
    const limits = waitOptions(options);
    if (!this.#isEnding || this.#isOver) this.#do("end");
    this.#isEnding = true;
    await within(limits, "the session did not end", (resolve) => this.closed.then(resolve));
  }

  async [asyncDispose]() {
    if (!this.#isOver) await this.end();
  }

  reject() {
    for (const transfer of [...this.#transfers]) transfer.cancel();
    this.#do("end");
  }

  // Called by `sessions.js` and `transfers.js`.

  /**
   * Sets the peer's address, key, encryption and device. Happens again if the first connection to this host's port
   * was not the peer's.
   *
   * @param {Opened} opened
   */
  opened({ peerAddress, key, state, device }) {
    // Nothing waits for the words of an unencrypted session any more.
    if (!this.secure) this.#words = new Deferred();
    this.peerAddress = peerAddress;
    this.secure = key !== "";
    this.peerKey = key || undefined;
    this.whyPlain = this.secure ? undefined : /** @type {"here" | "there"} */ (state);
    this.known = this.secure ? /** @type {Session["known"]} */ (state) : undefined;
    this.device = /** @type {Session["device"]} */ (device || undefined);
    if (!this.secure) {
      const why = "the session is unencrypted and has no safety words";
      this.#words.reject(new XcherError("not-private", why));
    }
  }

  /** Counts an upload for the offer of its file, if it is offered. @param {import("./upload.js").Upload} upload */
  uploading(upload) {
    this.transfer(upload);
    this.#offered.uploading(upload);
  }

  /** Returns a file that was offered to the peer. @param {string} name */
  offeredFile(name) {
    return this.#offered.file(name);
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
    this.#offered.end(error);
  }

  /** @param {FileDetails} file */
  entry(...file) {
    this.#listings.push(new RemoteFile(...file));
  }

  listEnd() {
    this.#listings.end();
  }

  /** @param {string} words */
  setSafetyWords(words) {
    this.#words.resolve(words);
  }

  /** @param {string} name @param {boolean} yes */
  checked(name, yes) {
    this.#checks.answered(name, yes);
  }

  /** @param {XcherError | undefined} error */
  ended(error) {
    this.#isOver = true;
    const reason = error ?? new XcherError("unreachable", "the session has ended");
    this.notOffered(reason);
    this.#words.reject(reason);
    this.#listings.end(reason);
    this.#checks.fail(reason);
    this.#end.resolve(error);
  }
}
