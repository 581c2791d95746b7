/** What we send: by a code, from a peer of its own, or as an offer. */
import { tell } from "../messages.js";
import { Peer, qr } from "../npm/index.js";
import { bridge } from "./main.js";
import { sessionWith } from "./sessions.js";
import { upload } from "./transfers.js";

const stops = new Map();

const named = (files) => files.map(([file, name]) => ({ file, name }));
const count = (number) => `${number} file${number === 1 ? "" : "s"}`;
const DEAD = "Ten wrong codes were tried, so this one is dead. Make another.";

/** `page`: where its link leads. */
export async function send(id, files, page) {
  const { url, token } = bridge;
  const giveUp = new AbortController();
  const say = (state, text) => stops.has(id) && tell("sending", id, state, text);
  stops.set(id, () => giveUp.abort());
  try {
    const sending = await Peer.send(url, named(files), { token, signal: giveUp.signal });
    stops.set(id, () => sending.stop());
    const { code, peer } = sending;
    const wait = (why = "") => say("waiting", `${why}Waiting for whoever has the code. Keep this page open.`);
    const on = (type, does) => peer.addEventListener(type, does);
    on("session", ({ session }) => {
      say("open", `${session.nick ?? session.peerAddress} has the code and sees what it is.`);
      session.closed.then(() => peer.sessions.size || wait());
    });
    on("upload", ({ upload: one }) => upload(one));
    on("refused", ({ error }) => error.code === "wrong-code" && wait("Someone had a wrong code; after ten it is dead. "));
    on("offline", ({ error }) => say("waiting", `Offline: ${error.message}`));
    on("online", () => wait());
    const link = sending.link(page);
    const command = `xcher get ${code} --relay ${url.replace("http", "ws")}`;
    tell("code", id, code, link, command, await qr(link));
    wait();
    const sent = await sending.done;
    say("done", `Sent: ${count(sent.files)}.`);
  } catch ({ code, message }) {
    say("failed", code === "wrong-code" ? DEAD : code === "cancelled" ? "Stopped." : message);
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
    say("open", `${nick} is asked.`);
    await offering.done;
    const { sent, declined, failed } = offering;
    const how = Object.entries({ sent, declined, failed }).filter(([, number]) => number);
    say(sent ? "done" : "failed", `${how.map(([what, number]) => `${count(number)} ${what}`).join(", ")}.`);
  } catch ({ code, message }) {
    say("failed", code === "cancelled" ? "Stopped." : message);
  }
  stops.delete(id);
}

export const stopSending = (id) => stops.get(id)?.();
