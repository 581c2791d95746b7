/** Receives one file: from the session into its sink, and on to where it belongs. */
import { MAX_COPIED_LEN } from "./archive.js";
import { tell } from "../messages.js";
import { notStoredReason } from "../npm/not_stored_reason.js";
import { pump } from "../npm/pump.js";
import { failure } from "./errors.js";
import { downloadName, handOver } from "./handover.js";
import { partial } from "./partial.js";
import { sink } from "./sinks.js";
import * as rows from "./transfer_rows.js";
import { unfinished } from "./unfinished.js";

/**
 * Fetches the file of a job. Resolves to its fate: `done`, `packed` into the archive of its parcel, `paused`,
 * `cancelled`, or the error; `bytes` is how much of the file has arrived.
 */
export async function receive(session, job, download) {
  const { nick, file, target, alone, parcel } = job;
  let part;
  let to;
  let from = 0;
  const moved = () => from + (download?.received ?? 0);
  const row = (job.row = rows.begin({ name: file.name, size: file.size, nick, pauses: false, verified: false }, moved, job.row));
  row.cancel = (how = "cancelled") => {
    row.stopped = how;
    download?.cancel();
  };
  try {
    if (file.text) {
      download ??= session.get({ approximate: false, ...file }, { confirm: true });
      await show(nick, download);
      rows.end(row);
      return { fate: "done" };
    }
    part = await partial(session, nick, file);
    job.key = session.peerKey;
    // A page that cannot write archives has no place for it.
    if (file.folder && !parcel && !target) throw failure("no-folder");
    to = part ?? (parcel && !file.folder && !file.approximate && file.size <= MAX_COPIED_LEN ? inMemory(file.size) : await sink(parcel ? undefined : target, file));
    if (row.stopped) throw row;
    download ??= session.get({ approximate: false, ...file }, { partial: part?.has, confirm: true });
    // The stream reports the same error.
    download.done.catch(() => {});
    if (part) {
      row.shown.bytes = from = await download.start();
      await part.from(from);
      row.shown.pauses = true;
      unfinished();
    }
    await pump(download, to);
    row.shown.verified = download.verified;
    if (parcel) {
      const kept = await to.keep();
      download.defer();
      rows.end(row, undefined, { state: "packed" });
      rows.uncount(file.size);
      job.isCounted = true;
      await parcel.take(job, session, download, kept);
      return { fate: "packed" };
    }
    const whole = await to.close(target);
    if (whole) await handOver(whole, downloadName(file.name, alone));
    download.stored();
    await download.done;
    rows.end(row);
    if (part) unfinished();
    return { fate: "done" };
  } catch (error) {
    download?.notStored(row.stopped ? "cancelled" : notStoredReason(error), error.message);
    await to?.abort?.(row.stopped === "cancelled").catch(() => {});
    if (part) unfinished();
    return { fate: row.stopped ?? error, bytes: moved() };
  }
}

/** Fetches a text, and passes it to the page, which shows it. */
async function show(nick, download) {
  download.done.catch(() => {});
  tell("text", nick, await download.text());
  download.stored();
  await download.done;
}

/** A sink in memory, for a small file that goes into an archive at once. */
function inMemory(size) {
  const bytes = new Uint8Array(size);
  let at = 0;
  return {
    write(some) {
      bytes.set(some, at);
      at += some.length;
    },
    keep: () => ({ file: bytes.subarray(0, at), release() {} }),
    abort: async () => {},
  };
}
