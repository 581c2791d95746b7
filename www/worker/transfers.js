/** What the page asks about transfers, in both directions. */
import { tell } from "../messages.js";
import { freeWaiting, hold } from "./holds.js";
import * as jobs from "./jobs.js";
import { takeOver } from "./queue_record.js";
import { room as roomFor } from "./space.js";
import { store } from "./store.js";
import * as rows from "./transfer_rows.js";

export const get = (nick, files, target) => jobs.add({ nick, files, target });

/** Fetches files that are offered in this session alone. */
export const take = (nick, files, target, session) => jobs.add({ nick, files, target, session });

export const drop = jobs.drop;
export const cancel = (id) => rows.cancel(id);

/** Stops a download and keeps its partial file. */
export const pause = (id) => rows.cancel(id, "paused");

/** Starts a transfer again that has failed, or was paused or cancelled. */
export const repeat = (id) => rows.repeat(id);

/** What this tab had not finished before it was reloaded. */
let left = Promise.resolve([]);

/** The page's tab has this name, which a reload keeps. */
export function tab(name) {
  left = takeOver(name);
}

/** Tries everything that waits, now that the page is online or its user wants it. */
export async function resume() {
  const mine = left;
  left = Promise.resolve([]);
  jobs.resume();
  const choices = await mine;
  if (choices.length) tell("queued", [...new Set(choices.map(({ nick }) => nick))]);
  for (const choice of choices) {
    if ((await choice.target?.queryPermission?.({ mode: "readwrite" })) === "prompt") {
      // Only a person's click can ask for it, which resumes everything.
      hold(choice.nick, { code: "permission" }, () => {}, choice.target);
    }
    jobs.add(choice);
  }
}

let online = new Set();

/** These nicks are online: those that were waited for are called as soon as they come. */
export function seen(nicks) {
  for (const nick of nicks) if (!online.has(nick)) freeWaiting(nick);
  online = new Set(nicks);
  jobs.run();
}

/** Tells the page how many bytes of so many fit into the browser's store. */
export async function room(wanted) {
  tell("room", wanted, await store().then((folder) => roomFor(folder, wanted)).catch(() => {}));
}

export function upload(upload) {
  const { name, size, session, done } = upload;
  const nick = session.nick ?? session.peerAddress;
  const row = rows.begin({ up: true, name, more: upload.more, size, nick }, () => upload.sent);
  row.cancel = () => upload.cancel();
  done.then(() => rows.end(row), (error) => rows.end(row, error));
}
