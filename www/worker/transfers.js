/** Transfers in both directions, and the queue of files to fetch. */
import { tell } from "../messages.js";
import { downloadName, handOver } from "./handover.js";
import { partial } from "./partial.js";
import { sink } from "./sinks.js";
import { bye, sessionWith } from "./sessions.js";
import { unfinished } from "./unfinished.js";

/** Files fetched at the same time into a folder; downloads go one after the other. */
const LANES = 4;
/** Limits of files that are requested together: their number, and bytes of each and of all. */
const MAX_GROUP_FILES = 256;
const MAX_GROUP_FILE_LEN = 1 << 18;
const MAX_GROUP_LEN = 1 << 22;
/** Time between two reports to the page, in milliseconds. */
const REPORT_INTERVAL = 250;
/** Weight of the latest rate in the average. */
const RATE_WEIGHT = 0.15;
/** Bytes that are read at a time. */
const READ_LEN = 1 << 18;

const rows = new Map();
let last = 0;
let ticking;

let jobs = [];
/** Files that were requested together and wait to be written. */
const begun = new Set();
let busy = 0;
/** The reason why no job starts. */
let held = "";
/** Counts how often all jobs were dropped. */
let era = 0;

/** Reasons for the peer, by the name of the error. */
const REASONS = { QuotaExceededError: "space", NotAllowedError: "denied", NoModificationAllowedError: "denied" };

/** Names of files that are wanted and not here yet, by nick. */
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

/** Fetches files that are offered in this session alone. */
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

/** Stops a download and keeps its partial file. */
export const pause = (id) => rows.get(id)?.cancel("paused");

export function upload(upload) {
  const { name, size, session, done } = upload;
  const row = begin({ up: true, name, more: upload.more, size, nick: session.nick ?? session.peerAddress }, () => upload.sent);
  row.cancel = () => upload.cancel();
  done.then(() => end(row), (error) => end(row, error));
}

function run() {
  ticking ??= setInterval(tick, REPORT_INTERVAL);
  while (!held && jobs.length && busy < (jobs[0].target ? LANES : 1)) {
    const some = next();
    const lanes = some.length > 1 && some[0].target ? LANES : 1;
    busy += lanes;
    fetchAll(some, lanes).finally(() => {
      busy -= lanes;
      run();
    });
  }
}

/** Returns the next job, and the small files after it with the same source and target. */
function next() {
  const some = [];
  const [{ nick, target, session }] = jobs;
  let left = MAX_GROUP_LEN;
  do {
    left -= jobs[0].file.size;
    some.push(jobs.shift());
  } while (
    jobs.length && some.length < MAX_GROUP_FILES && [some[0], jobs[0]].every(({ file }) => file.size <= MAX_GROUP_FILE_LEN) &&
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

/** Announces to the sender how much is wanted, each file once; for an offer it knows. */
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
    if (file.text) {
      download ??= session.get({ approximate: false, ...file }, { confirm: true });
      await showText(nick, download);
      end(row);
      return have(job);
    }
    part = await partial(session, nick, file);
    to = part ?? (await sink(target, file));
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
    // Always into the same memory: a browser is slow to collect garbage.
    const reader = download.readable.getReader({ mode: "byob" });
    let memory = new Uint8Array(READ_LEN);
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
    // The peer knows of the failure, and keeps its code valid.
    if (row.shown.state !== "paused") have(job);
  }
  if (part) unfinished();
}

/** Fetches a text, and passes it to the page, which shows it. */
async function showText(nick, download) {
  download.done.catch(() => {});
  tell("text", nick, await download.text());
  download.stored();
  await download.done;
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
    shown.rate = shown.rate ? shown.rate + RATE_WEIGHT * (rate - shown.rate) : rate;
    shown.bytes = bytes;
    row.at = now;
    if (shown.state !== "active") rows.delete(shown.id);
    return shown;
  });
  const waiting = [...begun, ...jobs];
  tell("transfers", changed, waiting.length, waiting.reduce((sum, { file }) => sum + file.size, 0), held);
  if (!rows.size && !busy) ticking = clearInterval(ticking);
}
