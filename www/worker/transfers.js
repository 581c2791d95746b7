/** Files on their way, both ways, and those that wait to be fetched. */
import { tell } from "../messages.js";
import { sink } from "./saving.js";
import { bye, sessionWith } from "./sessions.js";

/** Fetched at a time into a folder; as downloads, one after the other. */
const AT_ONCE = 4;
/** How often the page is told, in milliseconds. */
const TICK = 250;
const NEW = 0.15;
/** Bytes that are read at a time. */
const READ = 1 << 18;

const rows = new Map();
let last = 0;
let ticking;

let jobs = [];
let busy = 0;
/** Why no job is begun. */
let held = "";
/** Counts the times that all jobs were dropped. */
let era = 0;

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
  for (const file of files) want({ nick, file, target });
  resume();
}

/** As {@link get}, of what is offered in this session alone. */
export function take(nick, files, target, session) {
  for (const file of files) want({ nick, file, target, session });
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

export function upload(upload) {
  const { name, size, session, done } = upload;
  const row = begin({ up: true, name, size, nick: session.nick ?? session.peerAddress }, () => upload.sent);
  row.cancel = () => upload.cancel();
  done.then(() => end(row), (error) => end(row, error));
}

function run() {
  ticking ??= setInterval(tick, TICK);
  while (!held && jobs.length && busy < (jobs[0].target ? AT_ONCE : 1)) {
    busy++;
    fetch(jobs.shift()).finally(() => {
      busy--;
      run();
    });
  }
}

async function fetch(job) {
  const { nick, file, target } = job;
  const mine = era;
  let session;
  try {
    session = job.session ?? (await sessionWith(nick));
  } catch ({ message }) {
    if (mine === era) jobs.unshift(job);
    held = `${nick}: ${message}`;
    return;
  }
  if (mine !== era) return have(job);
  let download;
  let to;
  const row = begin({ name: file.name, size: file.size, nick }, () => download?.received ?? 0);
  row.cancel = () => {
    row.cancelled = true;
    download?.cancel();
  };
  try {
    to = await sink(target, file);
    if (row.cancelled) throw row;
    download = session.get(file);
    // The stream says it too.
    download.done.catch(() => {});
    // Always into the same memory: a browser is slow to collect what is thrown away.
    const reader = download.readable.getReader({ mode: "byob" });
    let memory = new Uint8Array(READ);
    for (let part; !(part = await reader.read(memory)).done; ) {
      await to.write(part.value);
      memory = new Uint8Array(part.value.buffer);
    }
    await download.done;
    const whole = await to.close();
    row.shown.verified = download.verified;
    if (whole) tell("save", whole, file.name.split("/").pop());
    end(row);
    have(job);
  } catch (error) {
    download?.cancel();
    await to?.abort().catch(() => {});
    end(row, error);
    if (row.shown.state === "cancelled") have(job);
  }
}

function begin(shown, count) {
  const row = { shown: { ...shown, id: ++last, state: "active", bytes: 0 }, count, at: performance.now() };
  rows.set(last, row);
  run();
  return row;
}

function end(row, error) {
  const cancelled = row.cancelled || error?.code === "cancelled";
  row.shown.state = !error ? "done" : cancelled ? "cancelled" : "failed";
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
  tell("transfers", changed, jobs.length, jobs.reduce((sum, { file }) => sum + file.size, 0), held);
  if (!rows.size && !busy) ticking = clearInterval(ticking);
}
