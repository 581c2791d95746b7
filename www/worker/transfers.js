/** Files on their way, both ways, and those that wait to be fetched. */
import { tell } from "../messages.js";
import { downloadName, handOver } from "./handover.js";
import { partial } from "./partial.js";
import { sink } from "./sinks.js";
import { bye, sessionWith } from "./sessions.js";
import { unfinished } from "./unfinished.js";

/** Fetched at a time into a folder; as downloads, one after the other. */
const AT_ONCE = 4;
/** Files that are requested together: so many, of so many bytes each and in all. */
const TOGETHER = 256;
const SMALL = 1 << 18;
const MOST = 1 << 22;
/** How often the page is told, in milliseconds. */
const TICK = 250;
const NEW = 0.15;
/** Bytes that are read at a time. */
const READ = 1 << 18;

const rows = new Map();
let last = 0;
let ticking;

let jobs = [];
/** Those that were requested together, and wait to be written. */
const begun = new Set();
let busy = 0;
/** Why no job is begun. */
let held = "";
/** Counts the times that all jobs were dropped. */
let era = 0;

/** Why something could not be stored, as the other side is told. */
const REASONS = { QuotaExceededError: "space", NotAllowedError: "denied", NoModificationAllowedError: "denied" };

/** Of each nick the names of what we want and do not have. */
const lacking = new Map();

function want(job) {
  jobs.push(job);
  const { nick, file } = job;
  if (!lacking.has(nick)) lacking.set(nick, new Set());
  lacking.get(nick).add(file.name);
}

function have({ nick, file }) {
  const names = lacking.get(nick);
  if (names?.delete(file.name) && !names.size) bye(nick);
}

export function get(nick, files, target) {
  for (const file of files) want({ nick, file, target, alone: files.length === 1 });
  resume();
}

/** As {@link get}, of what is offered in this session alone. */
export function take(nick, files, target, session) {
  for (const file of files) want({ nick, file, target, session, alone: files.length === 1 });
  resume();
}

export function resume() {
  held = "";
  run();
}

export function drop() {
  jobs.splice(0).forEach(have);
  era++;
  resume();
}

export const cancel = (id) => rows.get(id)?.cancel();

/** What came of it stays. */
export const pause = (id) => rows.get(id)?.cancel("paused");

export function upload(upload) {
  const { name, size, session, done } = upload;
  const row = begin({ up: true, name, more: upload.more, size, nick: session.nick ?? session.peerAddress }, () => upload.sent);
  row.cancel = () => upload.cancel();
  done.then(() => end(row), (error) => end(row, error));
}

function run() {
  ticking ??= setInterval(tick, TICK);
  while (!held && jobs.length && busy < (jobs[0].target ? AT_ONCE : 1)) {
    const some = next();
    const lanes = some.length > 1 && some[0].target ? AT_ONCE : 1;
    busy += lanes;
    fetchAll(some, lanes).finally(() => {
      busy -= lanes;
      run();
    });
  }
}

/** The next job, and the small ones after it that are like it. */
function next() {
  const some = [];
  const [{ nick, target, session }] = jobs;
  let left = MOST;
  do {
    left -= jobs[0].file.size;
    some.push(jobs.shift());
  } while (
    jobs.length && some.length < TOGETHER && [some[0], jobs[0]].every(({ file }) => file.size <= SMALL) &&
    jobs[0].nick === nick && jobs[0].target === target && jobs[0].session === session && jobs[0].file.size <= left
  );
  return some;
}

async function fetchAll(some, lanes) {
  const [{ nick, session: own }] = some;
  const mine = era;
  let session;
  try {
    session = own ?? (await sessionWith(nick));
  } catch ({ message }) {
    if (mine === era) jobs.unshift(...some);
    held = `${nick}: ${message}`;
    return;
  }
  if (mine !== era) return some.forEach(have);
  announce(session, nick, [...some, ...jobs]);
  const downloads = some.length > 1 ? session.getAll(some.map(({ file }) => file), { confirm: true }) : [];
  const waiting = some.map((job, at) => [job, downloads[at]]);
  for (const job of some) begun.add(job);
  const lane = async () => {
    for (let one; (one = waiting.shift()); ) {
      begun.delete(one[0]);
      if (mine === era) {
        await fetch(session, ...one);
      } else {
        one[1]?.cancel();
        have(one[0]);
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Says what is wanted of this session, each file once; of an offer it is known. */
function announce(session, nick, wanted) {
  const fresh = wanted.filter((job) => job.nick === nick && !job.session && job.announced !== session);
  if (!fresh.length) return;
  for (const job of fresh) job.announced = session;
  session.want({ files: fresh.length, bytes: fresh.reduce((sum, { file }) => sum + file.size, 0) });
}

async function fetch(session, job, download) {
  const { nick, file, target, alone } = job;
  let part;
  let to;
  let from = 0;
  const row = begin({ name: file.name, size: file.size, nick }, () => from + (download?.received ?? 0));
  row.cancel = (how = "cancelled") => {
    row.stopped = how;
    download?.cancel();
  };
  try {
    part = await partial(session, nick, file);
    to = part ?? (await sink(target, file));
    if (row.stopped) throw row;
    download ??= session.get({ approximate: false, ...file }, { partial: part?.has, confirm: true });
    // The stream says it too.
    download.done.catch(() => {});
    if (part) {
      row.shown.bytes = from = await download.start();
      await part.from(from);
      row.shown.pauses = true;
      unfinished();
    }
    // Always into the same memory: a browser is slow to collect what is thrown away.
    const reader = download.readable.getReader({ mode: "byob" });
    let memory = new Uint8Array(READ);
    for (let part; !(part = await reader.read(memory)).done; ) {
      await to.write(part.value);
      memory = new Uint8Array(part.value.buffer);
    }
    const whole = await to.close(target);
    row.shown.verified = download.verified;
    if (whole) await handOver(whole, downloadName(file.name, alone));
    download.stored();
    await download.done;
    end(row);
    have(job);
  } catch (error) {
    download?.notStored(row.stopped ? "cancelled" : (REASONS[error.name] ?? "other"), error.message);
    await to?.abort(row.stopped === "cancelled").catch(() => {});
    end(row, error);
    // Of what failed the other side was told: its code stays good.
    if (row.shown.state !== "paused") have(job);
  }
  if (part) unfinished();
}

function begin(shown, count) {
  const row = { shown: { ...shown, id: ++last, state: "active", bytes: 0 }, count, at: performance.now() };
  rows.set(last, row);
  run();
  return row;
}

function end(row, error) {
  const stopped = row.stopped ?? (error?.code === "cancelled" && "cancelled");
  row.shown.state = !error ? "done" : stopped || "failed";
  row.shown.why = error?.message;
}

function tick() {
  const now = performance.now();
  const changed = [...rows.values()].map((row) => {
    const { shown, at } = row;
    const bytes = row.count();
    const rate = (1000 * (bytes - shown.bytes)) / (now - at);
    shown.rate = shown.rate ? shown.rate + NEW * (rate - shown.rate) : rate;
    shown.bytes = bytes;
    row.at = now;
    if (shown.state !== "active") rows.delete(shown.id);
    return shown;
  });
  const waiting = [...begun, ...jobs];
  tell("transfers", changed, waiting.length, waiting.reduce((sum, { file }) => sum + file.size, 0), held);
  if (!rows.size && !busy) ticking = clearInterval(ticking);
}
