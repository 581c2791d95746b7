/** Sends files: by a code, from a peer of its own, or as an offer. */
import { tell } from "../messages.js";
import { Peer, qr } from "../npm/index.js";
import { MAX_CODE_ATTEMPTS } from "../npm/pkg/constants.js";
import { bridge } from "./connection.js";
import { sessionWith } from "./sessions.js";
import { upload } from "./transfers.js";

/** The most missing files that are named. */
const MAX_NAMED = 5;

const stops = new Map();

const named = (files) => files.map(([file, name]) => ({ file, name }));
const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;
const count = (number) => `${number} file${number === 1 ? "" : "s"}`;

/** Describes the files that arrived, as far as the peer confirms. */
function arrived(stored, handedOver, here = 0) {
  const said = [
    stored && `${count(stored)} delivered.`,
    handedOver && `${count(handedOver)} sent, without confirmation: the receiver does not support it.`,
    here && `${count(here)} already there.`,
  ];
  return said.filter(Boolean).join(" ");
}

/** Names the files that did not arrive, with the reasons. */
function missingFiles(missing, number) {
  const some = missing.slice(0, MAX_NAMED).map(({ name, reason }) => `${name}: ${reason}.`);
  const rest = number - some.length;
  if (rest) some.push(some.length ? `And ${count(rest)} more.` : `${count(rest)} did not arrive.`);
  return `Missing: ${some.join(" ")}`;
}

/** Sends by a code; `page` is the target of the link. */
export async function send(id, files, page) {
  const { url, token } = bridge;
  const giveUp = new AbortController();
  const say = (state, text) => stops.has(id) && tell("sending", id, state, text);
  stops.set(id, () => giveUp.abort());
  try {
    const sending = await Peer.send(url, named(files), { token, signal: giveUp.signal });
    stops.set(id, () => sending.stop());
    const { code, peer } = sending;
    const wait = (why = "") => say("waiting", `${why}Waiting for the receiver to use the code. Keep this page open.`);
    const on = (type, does) => peer.addEventListener(type, does);
    on("session", ({ session }) => {
      say("open", `${session.nick ?? session.peerAddress} has used the code and is choosing files.`);
      session.closed.then(() => peer.sessions.size || wait());
    });
    on("upload", ({ upload: one }) => upload(one));
    on("refused", ({ error }) => error.code === "wrong-code" && wait(`A wrong code was entered; the code expires after ${MAX_CODE_ATTEMPTS}. `));
    on("offline", ({ error }) => say("waiting", `Offline: ${error.message}`));
    on("online", () => wait());
    const link = sending.link(page);
    const command = `xcher get ${code} --relay ${url.replace("http", "ws")}`;
    tell("code", id, code, link, command, await qr(link));
    wait();
    sending.addEventListener("incomplete", ({ files, missing, missingCount }) => {
      const there = files ? `${count(files)} arrived. ` : "";
      wait(`${there}${missingFiles(missing, missingCount)} The code stays valid: the same link or command resumes. `);
    });
    const { files: sent, handedOver, here } = await sending.done;
    say("done", arrived(sent - handedOver, handedOver, here));
  } catch ({ code, message }) {
    say("failed", code === "cancelled" ? "Stopped." : sentence(message));
  }
  stops.delete(id);
}

export async function offer(id, nick, files) {
  const giveUp = new AbortController();
  const say = (state, text) => tell("sending", id, state, text);
  stops.set(id, () => giveUp.abort());
  try {
    say("waiting", `Calling ${nick}…`);
    const session = await sessionWith(nick, giveUp.signal);
    const offering = session.offer(named(files));
    stops.set(id, () => session.reject());
    say("open", `Waiting for ${nick} to accept…`);
    await offering.done;
    const { stored, handedOver, sent, declined, failed, missing } = offering;
    const how = [
      sent && arrived(stored, handedOver),
      declined && `${count(declined)} declined.`,
      failed && missingFiles(missing, failed),
    ];
    say(sent && !failed ? "done" : "failed", how.filter(Boolean).join(" "));
  } catch ({ code, message }) {
    say("failed", code === "cancelled" ? "Stopped." : sentence(message));
  }
  stops.delete(id);
}

export const stopSending = (id) => stops.get(id)?.();
