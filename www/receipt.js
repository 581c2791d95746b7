/** The files behind a code: from the call to the sender until they are here, and what to do next. */
import { $ } from "./element.js";
import { explain } from "./errors.js";
import { contents, count } from "./format.js";
import { onReword, put, say } from "./language.js";
import { ask } from "./manifest.js";
import { tell } from "./messages.js";
import { securityOf } from "./privacy.js";
import { isQueued } from "./queued.js";
import { stored } from "./target.js";

/** The code on the screen. */
let code;
/** `connecting`, `calling`, `choosing`, `moving`, `over`, or `failed` without any file. */
let phase;
let files = [];
/** The files that the user wanted, and where they go. */
let wanted = [];
let place;
/** How each of them ended, by name: `packed` ones have once their archive has. */
let ended = new Map();
/** Set after a reload, when the files that were wanted go on without a question. */
let isResumed = false;
/** Set once the files have become an archive: where a browser cannot write one, each is a download of its own. */
let isArchived = false;
let sessions = [];

const received = () => wanted.filter(({ name }) => ended.get(name) === "done");
const lacking = () => wanted.filter(({ name }) => ended.get(name) !== "done");

/** Returns true unless nothing happens any more. */
export const receives = () => phase !== undefined && phase !== "over" && phase !== "failed";

/** Shows a code whose sender can be called once the page is online. */
export function waitFor(given) {
  if (given === code && phase !== "failed") return;
  forget();
  code = given;
  screen("connecting", ["receive-by-code"], ["connecting"], "cancel");
}

/** Calls the sender with a code, unless its files are on their way or here. */
export function receive(given) {
  const isKnown = given === code && ["choosing", "moving", "over"].includes(phase);
  if (!isKnown) call(given);
}

function call(given) {
  forget();
  code = given;
  screen("calling", ["receive-by-code"], ["calling-sender"], "cancel");
  tell("open", code);
}

function forget() {
  code = phase = undefined;
  files = [];
  wanted = [];
  ended = new Map();
  isResumed = isArchived = false;
  place = undefined;
}

/** Says why this page cannot call anybody, or that the user gave up. */
export function refused(error) {
  if (phase !== "connecting" && phase !== "calling") return;
  failed(error ? ["error", () => ({ error: explain(error) })] : ["error-cancelled"]);
}

const failed = (sentence) => screen("failed", ["nothing-received"], sentence, "again more");

/** Takes a part of the sender's list, its end, or the `{ code, message }` of its failure. */
export function listing(from, how, part, error) {
  if (from !== code || phase !== "calling") return;
  for (const file of part) files.push(file);
  if (how === "part") put($("receipt-state"), "files-so-far", () => ({ sum: count(files.length) }));
  else if (error) failed([error.code === "unreachable" ? "code-unknown" : "error", () => ({ error: explain(error) })]);
  else if (isQueued(code)) goOn();
  else if (files.length) choose();
  else failed(["nothing-shared"]);
}

/** Goes on with the files that were wanted before a reload: the worker has begun. */
function goOn() {
  isResumed = true;
  screen("moving", ["receive-by-code"], ["keep-open"], "");
}

function choose() {
  screen("choosing", ["receive-by-code"], ["choose-what"], "");
  ask({ nick: code, byCode: true, files, settle });
}

/** Fetches the files that the user wanted; declining ends the session. */
function settle(some, target) {
  if (some) {
    wanted = some;
    place = target;
    return get(some);
  }
  tell("bye", code);
  forget();
  location.hash = "";
}

function get(some) {
  for (const { name } of some) ended.delete(name);
  progress();
  tell("get", code, some, place);
}

const ENDS = new Set(["done", "failed", "cancelled"]);

/** Takes changes of transfers, some of which may be those of this code, and the queue. */
export function transfers(changes, queue) {
  if (phase !== "moving" && phase !== "over") return;
  const its = changes.filter(({ up, nick }) => !up && nick === code);
  const isArchive = ({ files }) => files !== undefined;
  for (const { name, size, state } of its.filter((one) => !isArchive(one))) {
    if (isResumed && !wanted.some((file) => file.name === name)) wanted.push({ name, size });
    ended.set(name, state);
  }
  for (const { state } of its.filter(isArchive)) {
    isArchived ||= state === "done";
    if (ENDS.has(state)) for (const [name, how] of ended) if (how === "packed") ended.set(name, state);
  }
  if (wanted.length && (!isResumed || !queue.files)) progress();
}

const isOver = () => wanted.every(({ name }) => ENDS.has(ended.get(name)));

function progress() {
  const values = () => ({ some: contents(received()), files: contents(wanted), where: place?.name ?? place?.archive });
  if (!isOver()) screen("moving", ["receiving", values], ["keep-open"], "");
  else if (lacking().length) screen("over", ["received-some", values], ["received-some-how"], "again more");
  else screen("over", ["received", values], [where(), values], "back more");
}

function where() {
  if (isResumed) return "where-chosen";
  if (!stored(wanted).length) return "text-shown";
  if (!place || place.archive) return isArchived ? "in-archive" : "in-downloads";
  return place.kind === "directory" ? "in-folder" : "in-file";
}

/** Sees which session is that of the code. */
export function security(all) {
  sessions = all;
  showSecurity();
}

function showSecurity() {
  const its = sessions.find(({ nick }) => nick === code);
  const box = $("receipt-secrecy");
  const made = its ? [securityOf(say("the-sender"), its)] : [];
  // Screen readers announce only a text that differs.
  if (made[0]?.outerHTML !== box.firstChild?.outerHTML) box.replaceChildren(...made);
}
onReword(showSecurity);

/** Shows a title, a sentence, and some of the buttons. */
function screen(now, title, sentence, buttons) {
  phase = now;
  $("receipt").dataset.phase = now;
  put($("receipt-title"), ...title);
  put($("receipt-state"), ...sentence);
  $("receipt-state").className = now === "failed" ? "fault" : "";
  const held = document.activeElement;
  for (const each of ["again", "back", "more", "cancel"]) $(`receipt-${each}`).hidden = !buttons.includes(each);
  if (held?.hidden) $("receipt-title").focus();
  showSecurity();
}

/** Calls `home()` when the user goes on, and `retry()` to call the sender again. */
export function receipt(home, retry) {
  $("receipt-more").onclick = $("receipt-back").onclick = home;
  $("receipt-cancel").onclick = () => {
    forget();
    tell("leave");
    home();
  };
  $("receipt-again").onclick = () => (wanted.length ? get(lacking()) : retry());
}
