/** The queue of files to fetch: which is next, and when a failed one is tried again. */
import { isCode } from "../npm/index.js";
import { arrived, freeAll, hold, isHeld, passes, shown } from "./holds.js";
import * as parcels from "./parcels.js";
import * as record from "./queue_record.js";
import { receive } from "./receive.js";
import * as rows from "./transfer_rows.js";
import { bye, idOf, sessionWith } from "./sessions.js";
import { forget } from "./partial.js";
import { unfinished } from "./unfinished.js";
import { have, setAside, want } from "./wanted.js";

/** Files fetched at the same time into a folder or an archive; downloads go one after the other. */
const LANES = 4;
/** Limits of files that are requested together: their number, and bytes of each and of all. */
const MAX_GROUP_FILES = 256;
const MAX_GROUP_FILE_LEN = 1 << 18;
const MAX_GROUP_LEN = 1 << 22;
/** Attempts at a file that end early without a new byte, in a session that stays open. */
const MAX_ATTEMPTS = 3;

let jobs = [];
/** Files that were requested together and wait to be written. */
const begun = new Set();
let busy = 0;
/** Counts how often all jobs were dropped. */
let era = 0;
/** The way of the latest session. */
let way;

rows.report(() => {
  const waiting = [...begun, ...jobs];
  const bytes = waiting.reduce((sum, { file }) => sum + file.size, 0);
  return { busy, files: waiting.length, bytes, hold: shown(), way };
});

/**
 * Queues files that a person chose at once. `choice` is `{ nick, files, target, session, key, number, done }`:
 * `session` for files that are offered there alone; `number`, `key` and `done` from the record after a reload.
 */
export async function add(choice) {
  const { nick, files, session, target } = choice;
  choice.number ??= session ? undefined : record.add(recorded(choice));
  const rest = files.flatMap((file, index) => (choice.done?.(index) ? [] : [{ choice, nick, file, target, session, index, alone: files.length === 1 }]));
  choice.left = rest.length;
  rest.forEach(want);
  // A text is shown instead of stored.
  if (target?.archive) await pack(choice, rest.filter(({ file }) => !file.text));
  for (const job of rest) {
    rows.count(1, job.file.size);
    jobs.push(job);
  }
  run();
}

const recorded = ({ nick, key, files, target }) => ({ nick, key, files, target });

/** Has the files of a choice become one archive; or downloads, where that is not possible. */
async function pack(choice, its) {
  const { nick, files, target } = choice;
  const repeat = choice.session ? undefined : () => add({ nick, files, target });
  const over = (jobs, error) => {
    for (const job of jobs) finished(job);
    if (error) for (const job of choice.jobs) settle(job);
    unfinished();
  };
  try {
    const parcel = await parcels.begin(nick, files, target, { over, lost, repeat });
    choice.jobs = its;
    for (const job of its) Object.assign(job, parcel ? { parcel } : { target: undefined });
    for (const job of parcel ? its : []) parcel.expect(job);
  } catch (error) {
    rows.end(rows.begin({ name: target.archive, size: 0, nick }, () => 0), error, { repeat });
    for (const job of its.splice(0)) {
      // None of them was begun.
      job.isCounted = true;
      finished(job);
    }
  }
}

/** Takes the jobs of a parcel that is over out of the queue, and ends those that are being fetched. */
function settle(job) {
  const at = jobs.indexOf(job);
  if (at >= 0) jobs.splice(at, 1);
  else if (job.row && !job.isOver) job.row.cancel?.();
  finished(job);
}

/** Tells a peer whose session has ended that files it sent are here. */
async function lost(nick, number, bytes) {
  // The sender by a code waits for that; a call to anyone else would disturb.
  if (!(await isCode(nick))) return;
  const session = await sessionWith(nick).catch(() => {});
  session?.want({ files: number, bytes, here: number });
}

/** A file is here, or not wanted any more. */
function finished(job) {
  if (job.isOver) return;
  job.isOver = true;
  const { choice, nick, file, index } = job;
  // A file in an archive was counted when it arrived.
  if (!job.isCounted) rows.uncount(file.size);
  choice.left -= 1;
  if (choice.number !== undefined) {
    if (!choice.left) record.remove(choice.number);
    else if (!job.parcel) record.setDone(choice.number, index);
  }
  if (have(job)) bye(nick);
}

/** Tries everything that waits now. */
export function resume() {
  freeAll();
  run();
}

/** Gives up all files that have not begun. */
export function drop() {
  era++;
  for (const job of jobs.splice(0)) giveUp(job);
  resume();
}

function giveUp(job) {
  const error = cancelled();
  if (job.row) {
    rows.end(job.row, error);
    forget(job.key, job.file).then(unfinished);
  }
  finished(job);
  job.parcel?.lose(job, error);
}

export function run() {
  rows.tick();
  for (;;) {
    const at = jobs.findIndex(({ nick }) => !isHeld(nick));
    if (at < 0 || busy >= lanesOf(jobs[at])) return;
    const some = next(at);
    const lanes = some.length > 1 ? lanesOf(some[0]) : 1;
    busy += lanes;
    fetchAll(some, lanes).finally(() => {
      busy -= lanes;
      run();
    });
  }
}

const lanesOf = ({ target }) => (target ? LANES : 1);

/** Returns the job at this place, and the small files after it with the same source and target. */
function next(at) {
  const [first] = jobs.slice(at, at + 1);
  let end = at;
  let left = MAX_GROUP_LEN;
  const fits = (job) =>
    job && end - at < MAX_GROUP_FILES && job.choice === first.choice && job.file.size <= MAX_GROUP_FILE_LEN && job.file.size <= left;
  do left -= jobs[end++].file.size;
  while (first.file.size <= MAX_GROUP_FILE_LEN && fits(jobs[end]));
  return jobs.splice(at, end - at);
}

async function fetchAll(some, lanes) {
  const [{ nick, session: own, choice }] = some;
  const mine = era;
  let session;
  try {
    session = own ?? (await sessionWith(nick));
    if (!own) identify(choice, session);
  } catch (error) {
    if (mine !== era) return some.forEach(giveUp);
    jobs.unshift(...some);
    hold(nick, error, run);
    return;
  }
  if (mine !== era) return some.forEach(giveUp);
  way = session.way;
  announce(session, nick, [...some, ...jobs]);
  const downloads = some.length > 1 ? session.getAll(some.map(({ file }) => file), { confirm: true }) : [];
  const waiting = some.map((job, at) => [job, downloads[at]]);
  for (const job of some) begun.add(job);
  const lane = async () => {
    for (let one; (one = waiting.shift()); ) {
      const [job, download] = one;
      begun.delete(job);
      if (job.isOver) {
        download?.cancel();
      } else if (mine !== era) {
        download?.cancel();
        giveUp(job);
      } else {
        await fetch(session, job, download);
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Has the files of a choice come from one peer alone, after a reload, too. */
function identify(choice, { peerKey = "" }) {
  if (choice.key === undefined) {
    choice.key = peerKey;
    record.setKey(choice.number, recorded(choice));
  }
  if (choice.key !== peerKey) throw Object.assign(new Error("another key"), { code: "other-origin" });
}

/** Announces to the sender how much is wanted, each file once; for an offer it knows. */
function announce(session, nick, wanted) {
  const fresh = wanted.filter((job) => job.nick === nick && !job.session && job.announced !== session);
  if (!fresh.length) return;
  for (const job of fresh) job.announced = session;
  session.want({ files: fresh.length, bytes: fresh.reduce((sum, { file }) => sum + file.size, 0) });
}

async function fetch(session, job, download) {
  const { fate, bytes } = await receive(session, job, download);
  // Where nothing can be resumed, only more than before is progress.
  const moved = bytes > (job.most ?? 0);
  if (moved) [job.most, job.attempts] = [bytes, 0];
  if (fate === "done" || fate === "packed") {
    arrived(job.nick);
    if (fate === "done") finished(job);
    return;
  }
  const error = fate instanceof Error ? fate : cancelled();
  if (job.isOver) return rows.end(job.row, error);
  if (fate instanceof Error && mayPass(session, job, fate)) {
    if (moved) arrived(job.nick);
    jobs.unshift(job);
    rows.wait(job.row, fate);
    job.row.cancel = () => {
      jobs.splice(jobs.indexOf(job), 1);
      giveUp(job);
    };
    hold(job.nick, fate, run);
    return;
  }
  // A paused file is still wanted: its archive waits for it, and its peer.
  rows.end(job.row, error, { repeat: job.session && !idOf(job.session) ? undefined : () => again(job) });
  if (fate === "paused") return park(job);
  finished(job);
  job.parcel?.lose(job, error);
}

const cancelled = () => Object.assign(new Error("cancelled"), { code: "cancelled" });

/** Sets a paused file aside, until its user resumes it. */
function park(job) {
  const { choice, nick, file, index } = job;
  setAside(nick, file.name);
  if (choice.number !== undefined) record.setDone(choice.number, index);
  unfinished();
}

/** Returns true if another attempt may succeed by itself. */
function mayPass(session, job, error) {
  if (job.session && !idOf(job.session)) return false;
  if (!passes(error)) return false;
  job.attempts = (job.attempts ?? 0) + 1;
  return error.code !== "incomplete" || !idOf(session) || job.attempts < MAX_ATTEMPTS;
}

/** Fetches a file again whose row has ended. */
function again(job) {
  const { nick, file, target, session, row, parcel } = job;
  if (!job.isOver) {
    // It was paused.
    want(job);
    jobs.unshift(job);
    return resume();
  }
  const into = parcel ? undefined : target;
  const choice = { nick, files: [file], target: into, session, left: 1 };
  choice.number = session ? undefined : record.add(recorded(choice));
  const fresh = { choice, nick, file, target: into, session, index: 0, alone: true, row };
  want(fresh);
  rows.count(1, file.size);
  jobs.unshift(fresh);
  resume();
}
