/** The worker: keeps the peer, so that the page stays responsive. */
import { hear, tell } from "../messages.js";
import { Peer, isCode as is, isOneTimeNick, qr } from "../npm/index.js";
import { device, direct, lend, links, peer, setBridge, setPeer } from "./connection.js";
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
/** Aborts it. */
let connecting;

hear({ ...sessions, ...shares, ...transfers, ...sending, connect, device, direct, disconnect, discard, forget, isCode, lend, qrOf, saved, settle, use, who });

/** Uses a bridge from now on. */
function use(url, token) {
  setBridge(url, token);
  unfinished();
}

/** Ends the connection, or the attempt to make one. */
async function disconnect() {
  attempt++;
  connecting?.abort();
  const before = peer;
  setPeer(undefined);
  await before?.close();
}

/** Goes online under the first of these nicks that is free; a guest takes no calls. */
async function connect(url, nicks, token, guest) {
  const closed = disconnect();
  const mine = attempt;
  const { signal } = (connecting = new AbortController());
  setBridge(url, token);
  await closed;
  for (let wait = 1000; mine === attempt; wait = Math.min(2 * wait, 30_000)) {
    try {
      const made = await Peer.connect(url, { nick: nicks, token, calls: guest ? "ignore" : "ask", signal, ...links });
      if (mine === attempt) start(made, guest);
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

function start(made, guest) {
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
  if (!guest) shares.again();
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

async function qrOf(link) {
  tell("linkPicture", link, await qr(link).catch(() => {}));
}

/** Sends the nicks of people: one-time nicks are for those who have the code. */
async function who() {
  if (!peer?.online) return;
  const nicks = await peer.who().catch(() => []);
  const oneTime = await Promise.all(nicks.map((nick) => isOneTimeNick(nick)));
  tell("who", nicks.filter((_, at) => !oneTime[at]));
  transfers.seen(nicks);
}
