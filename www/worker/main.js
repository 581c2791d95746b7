/** The peer, out of the page's way. */
import { hear, tell } from "../messages.js";
import { Peer } from "../npm/index.js";
import { saved } from "./handover.js";
import { forget, known } from "./known_peers.js";
import { offered, settle } from "./offers.js";
import * as sending from "./sending.js";
import * as sessions from "./sessions.js";
import * as shares from "./shares.js";
import * as transfers from "./transfers.js";
import { discard, unfinished } from "./unfinished.js";

export let peer;
/** By which keys are kept. */
export let relay;
/** Where we are online: `url` and `token`. */
export let bridge;

/** Counts the wishes to be someone, so that an old one ends. */
let wish = 0;

hear({ ...sessions, ...shares, ...transfers, ...sending, connect, discard, forget, saved, settle, who });

async function connect(url, nick, token) {
  const turn = ++wish;
  relay = new URL(url).host;
  bridge = { url, token };
  const before = peer;
  peer = undefined;
  await before?.close();
  for (let wait = 1000; turn === wish; wait = Math.min(2 * wait, 30_000)) {
    try {
      const made = await Peer.connect(url, { nick, token, calls: "ask" });
      if (turn === wish) start(made);
      else made.close();
      return;
    } catch ({ code, message }) {
      if (turn !== wish) return;
      if (code !== "unreachable" && code !== "timed-out") return tell("refused", code, message);
      tell("offline", message, wait);
      await new Promise((done) => setTimeout(done, wait));
    }
  }
}

function start(made) {
  peer = made;
  const on = (type, does) => made.addEventListener(type, (event) => made === peer && does(event));
  on("online", online);
  on("offline", ({ error, retryIn }) => tell("offline", error.message, retryIn));
  on("call", ({ call }) => sessions.called(call));
  on("session", ({ session }) => sessions.keep(session));
  on("change", ({ session }) => sessions.learn(session));
  on("offer", ({ offer }) => offered(offer));
  on("upload", ({ upload }) => transfers.upload(upload));
  on("refused", ({ address, nick, error }) => tell("turnedAway", nick, address, error.code, error.message));
  shares.again();
  online();
}

function online() {
  tell("online", peer.nick);
  known();
  unfinished();
  transfers.resume();
}

async function who() {
  if (peer?.online) tell("who", await peer.who().catch(() => []));
}
