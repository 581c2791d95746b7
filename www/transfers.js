/** The transfers, in both directions, and the files that wait. */
import { $, button, write } from "./element.js";
import { count, duration, size } from "./format.js";
import { onReword, put, say } from "./language.js";
import { tell } from "./messages.js";
import { summarise } from "./summary.js";
import { make, update, why } from "./transfer_row.js";

/** The most ended transfers that are shown. */
const MAX_ENDED = 60;
/** Screens as narrow as this begin with the list closed. */
const NARROW = "(max-width: 56rem)";

const rows = new Map();
let queue = { files: 0, bytes: 0 };
/** Transfers that ended in each way since the last announcement. */
let ended = {};

const fold = button("show-list", "", () => open(!isOpen));
fold.setAttribute("aria-controls", "moving");
$("clear").before(fold);
let isOpen;
open(!matchMedia(NARROW).matches);

function open(yes) {
  isOpen = yes;
  fold.ariaExpanded = String(yes);
  put(fold, yes ? "hide-list" : "show-list");
  $("moving").hidden = !yes;
}

const over = () => [...rows].filter(([, row]) => row.over);

function forget(some) {
  for (const [id, { li }] of some) {
    li.remove();
    rows.delete(id);
  }
}

export const busy = () => Boolean(queue.files) || over().length < rows.size;

/** Takes the worker's report: rows that have changed, and the queue. */
export function transfers(changes, now) {
  queue = now;
  for (const shown of changes) {
    if (!rows.has(shown.id)) {
      rows.set(shown.id, make(shown));
      place(rows.get(shown.id).li, shown);
    }
    const row = rows.get(shown.id);
    row.shown = shown;
    update(row, shown);
    // The files of an archive have arrived with the archive.
    if (row.over && shown.state !== "packed") {
      const files = shown.files ?? 1 + (shown.more ?? 0);
      ended[shown.state] = (ended[shown.state] ?? 0) + files;
    }
  }
  forget(over().slice(0, -MAX_ENDED));
  waiting();
  draw();
}

/** Shows a row above the others, but below the archives that are being made. */
function place(li, { files }) {
  if (files) li.dataset.archive = "";
  const others = [...$("moving").children];
  $("moving").insertBefore(li, files ? others[0] : others.find(({ dataset }) => dataset.archive === undefined) ?? null);
}

const WAITS = { auto: "waiting-retrying", person: "waiting-why", none: "waiting-files" };

function waiting() {
  const { files, bytes, hold } = queue;
  $("waiting").hidden = !files;
  $("resume").hidden = !hold;
  if (!files) return write("waiting-text", "");
  const id = hold ? (hold.retryIn === undefined ? WAITS.person : WAITS.auto) : WAITS.none;
  put($("waiting-text"), id, () => ({
    number: files,
    size: size(bytes),
    ...(hold && { nick: hold.nick, why: why(hold.error) }),
    ...(hold?.retryIn !== undefined && { time: duration(hold.retryIn / 1000) }),
  }));
}

const ENDS = { done: "ended-done", failed: "ended-failed", cancelled: "ended-cancelled", paused: "ended-paused" };

function draw() {
  $("clear").hidden = !over().length;
  $("transfers").hidden = !rows.size && !queue.files;
  const isBusy = busy();
  $("transfers").toggleAttribute("data-busy", isBusy);
  summarise([...rows.values()].filter((row) => !row.over), queue, isBusy ? undefined : ended);
  if (isBusy || !Object.keys(ended).length) return;
  const all = Object.entries(ended).filter(([how]) => ENDS[how]);
  // What became of them stays to be read while the list is closed.
  const values = () => ({ parts: all.map(([how, number]) => say(ENDS[how], { number })).join(", ") });
  for (const id of ["said", "total"]) put($(id), "summary", values);
  ended = {};
}

onReword(() => {
  for (const row of rows.values()) update(row, row.shown);
  waiting();
  open(isOpen);
});

$("clear").onclick = () => {
  forget(over());
  draw();
};
$("resume").onclick = async () => {
  // A folder that was chosen before a reload needs a click to be written again.
  await queue.hold?.decision?.requestPermission({ mode: "readwrite" });
  tell("resume");
};
$("drop-waiting").onclick = () => tell("drop");
