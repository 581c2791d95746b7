/** What we send: by a code, from a peer of its own, or as an offer. */
import { tell } from "../messages.js";
import { Peer, qr } from "../npm/index.js";
import { bridge } from "./main.js";
import { sessionWith } from "./sessions.js";
import { upload } from "./transfers.js";

/** Missing files that are named. */
const NAMED = 5;

const stops = new Map();

const named = (files) => files.map(([file, name]) => ({ file, name }));
const count = (number) => `${number} file${number === 1 ? "" : "s"}`;
const DEAD = "Ten wrong codes were tried, so this one is dead. Make another.";

/** What arrived, as far as the other side confirms. */
function arrived(stored, handedOver, here = 0) {
  const said = [
    stored && `${count(stored)} stored there.`,
    handedOver && `Handed over ${count(handedOver)}: they do not confirm what they store.`,
    here && `${count(here)} ${here === 1 ? "was" : "were"} there already.`,
  ];
  return said.filter(Boolean).join(" ");
}

/** What did not, by name and with the reasons. */
function lacking(missing, number) {
  const some = missing.slice(0, NAMED).map(({ name, reason }) => `${name}: ${reason}.`);
  const rest = number - some.length;
  if (rest) some.push(some.length ? `And ${count(rest)} more.` : `${count(rest)} wanted there did not arrive.`);
  return `Missing: ${some.join(" ")}`;
}

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
    sending.addEventListener("incomplete", ({ files, missing, missingCount }) => {
      const there = files ? `${count(files)} arrived. ` : "";
      wait(`${there}${lacking(missing, missingCount)} The code is still good: the same link or command fetches the rest. `);
    });
    const { files: sent, handedOver, here } = await sending.done;
    say("done", arrived(sent - handedOver, handedOver, here));
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
    const { stored, handedOver, sent, declined, failed, missing } = offering;
    const how = [
      sent && arrived(stored, handedOver),
      declined && `${count(declined)} declined.`,
      failed && lacking(missing, failed),
    ];
    say(sent && !failed ? "done" : "failed", how.filter(Boolean).join(" "));
  } catch ({ code, message }) {
    say("failed", code === "cancelled" ? "Stopped." : message);
  }
  stops.delete(id);
}

export const stopSending = (id) => stops.get(id)?.();
