/** The peer, out of the page's way. */
import { Peer } from "../npm/index.js";
import { calls } from "./calls.js";
import { listing } from "./listing.js";
import { talk } from "../messages.js";
import { queue } from "./queue.js";
import { sessions } from "./sessions.js";
import { shares } from "./shares.js";
import { progress } from "./progress.js";

let peer;
/** Counts the wishes to be someone, so that an old one ends. */
let wish = 0;

const current = () => peer;
const send = talk(self, {
  connect,
  async who() {
    if (peer?.online) send("who", await peer.who().catch(() => []));
  },
  open: (nick) => lists.open(nick),
  leave: (nick) => lists.leave(nick),
  hangUp: (id) => open.hangUp(id),
  share: (files) => shared.add(files),
  stop: (name) => shared.stop(name),
  ask: (whether) => calling.ask(whether),
  answer: (id, accepted) => calling.answer(id, accepted),
  get: (...order) => waiting.add(...order),
  cancel: (id) => moving.cancel(id),
  retry: (id) => waiting.again(moving.take(id)),
  resume: () => waiting.resume(),
  drop: () => waiting.drop(),
});

const open = sessions(current, send);
const shared = shares(current, send);
const calling = calls(open, send);
const moving = progress(send, () => waiting.state());
const waiting = queue(open, moving, send);
const lists = listing(open, send);

async function connect(url, nick, token) {
  const turn = ++wish;
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
      if (code !== "unreachable" && code !== "timed-out") return send("refused", code, message);
      send("offline", message, wait);
      await new Promise((done) => setTimeout(done, wait));
    }
  }
}

function start(made) {
  peer = made;
  const on = (type, told) => made.addEventListener(type, (event) => made === peer && told(event));
  on("online", online);
  on("offline", ({ error, retryIn }) => send("offline", error.message, retryIn));
  on("call", ({ call }) => calling.take(call));
  on("session", ({ session }) => open.keep(session));
  on("upload", ({ upload }) => moving.upload(upload));
  on("refused", ({ address, error }) => send("notice", `A call from ${address}: ${error.message}`));
  shared.again();
  online();
}

function online() {
  send("online", peer.nick);
  waiting.resume();
}
