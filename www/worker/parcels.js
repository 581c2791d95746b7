/**
 * Several files that become one download: an archive, handed over once each of them has arrived or failed. The
 * peer learns only then that they are stored.
 */
import { tell } from "../messages.js";
import { notStoredReason } from "../npm/not_stored_reason.js";
import { Archive, MAX_COPIED_LEN, loadZip } from "./archive.js";
import { ArchiveNames } from "./archive_names.js";
import { handOver } from "./handover.js";
import { idOf } from "./sessions.js";
import { sink } from "./sinks.js";
import * as rows from "./transfer_rows.js";

/** Bytes that an archive needs for a file, beside its name and content, at most. */
const ENTRY_LEN = 200;

export class Parcel {
  #target;
  #nick;
  #archive;
  #names = new ArchiveNames();
  #row;
  /** Jobs whose files have neither arrived nor failed. */
  #lacking = new Set();
  /** Arrived files: `{ job, session, download, kept }`. */
  #held = [];
  #missing = [];
  #arrived = 0;
  #over;

  /**
   * Begins an archive. `over(jobs, error)` is called once it is handed over, or never will be; `lost(nick,
   * number, bytes)` if the sessions of some files have ended, whose peer could not be told.
   */
  static async begin(nick, files, target, { over, lost, repeat }) {
    const zip = await loadZip();
    const small = files.filter(({ size }) => size <= MAX_COPIED_LEN).reduce((sum, { size }) => sum + size, 0);
    const names = files.reduce((sum, { name }) => sum + ENTRY_LEN + 6 * name.length, 0);
    const parcel = new Parcel();
    parcel.#nick = nick;
    parcel.#target = target;
    parcel.#over = { over, lost, repeat };
    parcel.#archive = new Archive(zip, await sink(undefined, { size: small + names }));
    const size = files.reduce((sum, { size }) => sum + size, 0);
    const shown = { name: target.archive, size, nick, files: files.length, pauses: false };
    parcel.#row = rows.begin(shown, () => parcel.#arrived);
    parcel.#row.cancel = () => parcel.#cancel();
    return parcel;
  }

  get isOver() {
    return !this.#over;
  }

  /** Adds a job, whose file is to come. */
  expect(job) {
    this.#lacking.add(job);
  }

  /** Takes an arrived file: bytes or a blob, and `settle` where that must move before it is handed over. */
  async take(job, session, download, kept) {
    if (this.isOver) {
      download.notStored("cancelled");
      kept.release();
      return;
    }
    this.#held.push({ job, session, download, kept });
    this.#arrived += job.file.size;
    this.#archive.add(await this.#names.unused(job.file.name), kept, job.file.modified);
    await this.#settle(job);
  }

  /** A file will not come: the archive names it. */
  async lose(job, { code, message }) {
    if (this.isOver) return;
    // A record of an earlier version has none.
    const { sentences = {} } = this.#target;
    const why = (sentences[code] ?? sentences[""] ?? "{detail}").replace("{detail}", () => message.replace(/[.\s]+$/, ""));
    this.#missing.push({ name: job.file.name, why });
    await this.#settle(job);
  }

  async #settle(job) {
    this.#lacking.delete(job);
    if (!this.#lacking.size && !this.isOver) await this.#finish();
  }

  async #finish() {
    const { over, lost, repeat } = this.#over;
    const jobs = this.#held.map(({ job }) => job);
    try {
      if (!jobs.length) throw Object.assign(new Error("no file arrived"), { code: "nothing-arrived" });
      if (this.#missing.length) this.#archive.add(await this.#names.unused(this.#target.list), { file: this.#listed() });
      const { file, release } = await this.#archive.finish();
      this.#over = undefined;
      await handOver(file, this.#missing.length ? this.#target.incomplete : this.#target.archive);
      release();
      // The archive has copies of small ones.
      for (const { kept } of this.#held) await (kept.discard ?? kept.release)();
      await this.#confirm(lost);
      this.#row.shown.missing = this.#missing.length;
      this.#row.shown.files = jobs.length;
      rows.end(this.#row);
      over(jobs);
    } catch (error) {
      this.#over = undefined;
      await this.#drop(error);
      rows.end(this.#row, error, { repeat });
      over(jobs, error);
    }
  }

  /** Tells the peer of the files that they are stored. */
  async #confirm(lost) {
    let [number, bytes] = [0, 0];
    for (const { job, session, download } of this.#held) {
      download.stored();
      await download.done.catch(() => {});
      if (idOf(session)) continue;
      number += 1;
      bytes += job.file.size;
    }
    if (number) await lost(this.#nick, number, bytes);
  }

  /** Gives up what has arrived. Partial files stay, for another attempt. */
  async #drop(error) {
    await this.#archive.abort().catch(() => {});
    for (const { download, kept } of this.#held) {
      download.notStored(notStoredReason(error), error.message);
      kept.release();
    }
  }

  async #cancel() {
    if (this.isOver) return;
    const { over, repeat } = this.#over;
    this.#over = undefined;
    const jobs = [...this.#held.map(({ job }) => job), ...this.#lacking];
    const error = Object.assign(new Error("cancelled"), { code: "cancelled" });
    await this.#drop(error);
    rows.end(this.#row, error, { repeat });
    over(jobs, error);
  }

  /** Returns the list of missing files, in the words of the page. */
  #listed() {
    const lines = this.#missing.map(({ name, why }) => `${name}: ${why}`);
    return new TextEncoder().encode(`${[this.#target.heading, "", ...lines].join("\r\n")}\r\n`);
  }
}

/** Begins a parcel; where archives cannot be written, says so, and returns nothing. */
export const begin = (...what) =>
  Parcel.begin(...what).catch((error) => {
    if (error.code === "space") throw error;
    tell("notice", "no-archive");
  });
