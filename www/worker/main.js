/** The worker: keeps the peer, so that the page stays responsive. */
import { hear, tell } from "../messages.js";
import { Peer, isCode as is, isOneTimeNick } from "../npm/index.js";
import { peer, setBridge, setPeer } from "./connection.js";
import { plain } from "./errors.js";
import { saved } from "./handover.js";
import { forget, known } from "./known_peers.js";
import { offered, settle } from "./offers.js";
import * as sending from "./sending.js";
import * as sessions from "./sessions.js";
import * as shares from "./shares.js";
import * as transfers from "./transfers.js";
import { discard, unfinished } from "./unfinished.js";

/** Number of the last request to connect: it ends those before it. */
let attempt = 0;

hear({ ...sessions, ...shares, ...transfers, ...sending, connect, discard, forget, isCode, saved, settle, who });

async function connect(url, nick, token) {
  const mine = ++attempt;
  setBridge(url, token);
  const before = peer;
  setPeer(undefined);
  await before?.close();
  for (let wait = 1000; mine === attempt; wait = Math.min(2 * wait, 30_000)) {
    try {
      const made = await Peer.connect(url, { nick, token, calls: "ask" });
      if (mine === attempt) start(made);
      else made.close();
      return;
    } catch ({ code, message }) {
      if (mine !== attempt) return;
      if (code !== "unreachable" && code !== "timed-out") return tell("refused", { code, message });
      tell("offline", { code, message }, wait);
      await new Promise((done) => setTimeout(done, wait));
    }
  }
}

function start(made) {
  setPeer(made);
  const on = (type, does) => made.addEventListener(type, (event) => made === peer && does(event));
  on("online", online);
  on("offline", ({ error, retryIn }) => tell("offline", plain(error), retryIn));
  on("call", ({ call }) => sessions.called(call));
  on("session", ({ session }) => sessions.keep(session));
  on("change", ({ session }) => sessions.learn(session));
  on("offer", ({ offer }) => offered(offer));
  on("upload", ({ upload }) => transfers.upload(upload));
  on("refused", ({ address, nick, error }) => tell("callFailed", nick, address, plain(error)));
  shares.again();
  online();
}

function online() {
  tell("online", peer.nick);
  known();
  unfinished();
  transfers.resume();
}

async function isCode(text) {
  tell("learned", text, await is(text).catch(() => false));
}

/** Sends the nicks of people: one-time nicks are for those who have the code. */
async function who() {
  if (!peer?.online) return;
  const nicks = await peer.who().catch(() => []);
  const oneTime = await Promise.all(nicks.map((nick) => isOneTimeNick(nick)));
  tell("who", nicks.filter((_, at) => !oneTime[at]));
  transfers.seen(nicks);
}
