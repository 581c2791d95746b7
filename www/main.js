/** The page: what the worker says goes to the parts of the screen, and the other way. */
import { calling } from "./calling.js";
import { $, notice, quoted, say, write } from "./element.js";
import { files } from "./files.js";
import { invite } from "./invite.js";
import { join } from "./join.js";
import { talk } from "./messages.js";
import { people } from "./people.js";
import { sharing } from "./sharing.js";
import { transfers } from "./transfers.js";

const config = await fetch("config.json")
  .then((answer) => answer.json())
  .catch(() => ({ tunnel: "/xcher", token: false }));
const bridge = new URL(config.tunnel, location.href);

const body = document.body.dataset;
let me;
/** Whether the nick was just tried again: after a reload the old one may live for a moment. */
let retried = false;
let countdown;

const worker = new Worker("worker/main.js", { type: "module" });
worker.onerror = () => notice("The program could not be loaded. Reload the page to try again.");

const tell = talk(worker, {
  online(nick) {
    const first = me !== nick;
    me = nick;
    retried = false;
    state("online", "Online as");
    $("me").replaceChildren(quoted(nick));
    $("me").ariaLabel = `${nick}: change your nick`;
    $("me").hidden = false;
    invite(bridge, nick);
    say(`Online as ${nick}`);
    tell("who");
    if (first) route();
    else browse.again();
  },
  offline(why, retryIn) {
    state("offline", "Offline");
    say("Offline");
    let left = Math.ceil(retryIn / 1000);
    const count = () => {
      const then = retryIn === undefined ? "" : left > 0 ? ` Trying again in ${left--} s.` : " Trying again…";
      write($("status"), `Offline: ${why}${then}`);
    };
    count();
    countdown = setInterval(count, 1000);
  },
  refused(code, why) {
    if (code === "nick-taken" && !retried && localStorage.nick === wanted[0]) {
      retried = true;
      setTimeout(connect, 1500, ...wanted);
    } else {
      state("idle", "");
      ask(why);
    }
  },
  who: (nicks) => present.who(nicks, me),
  sessions: (all) => present.sessions(all),
  listing: (...part) => browse.listing(...part),
  shares: (groups) => share.show(groups),
  call: (...call) => calls.take(...call),
  transfers: (...change) => moving.show(...change),
  download(file, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = name;
    link.click();
    setTimeout(URL.revokeObjectURL, 300_000, link.href);
  },
  notice,
});

const present = people(tell);
const share = sharing(tell);
const browse = files(tell);
const moving = transfers(tell);
const calls = calling(tell);

let wanted;
const ask = join(bridge, config.token, connect);

function connect(nick, token) {
  wanted = [nick, token];
  if (nick === me && body.state === "online") return route();
  me = undefined;
  state("connecting", "Connecting…");
  tell("ask", $("ask").checked);
  tell("connect", bridge.href, nick, token);
  show();
}

$("me").onclick = () => {
  ask();
  $("join-back").hidden = false;
};
$("join-back").onclick = route;
window.onhashchange = route;
window.onbeforeunload = (event) => moving.busy() && event.preventDefault();
setInterval(() => document.hidden || tell("who"), 5000);

function state(name, text) {
  clearInterval(countdown);
  body.state = name;
  write($("status"), text);
}

/** Shows what the address asks for: someone's files, or ours. */
function route() {
  if (!wanted) return;
  const nick = show();
  if (body.state === "online") browse.open(nick);
  $(nick ? "peer-title" : "home-title").focus();
}

function show() {
  let nick = "";
  try {
    nick = decodeURIComponent(location.hash.slice(1));
  } catch {
    // No nick is written so.
  }
  if (nick === me) nick = "";
  body.view = nick ? "peer" : "home";
  present.viewed(nick);
  browse.title(nick);
  document.title = nick ? `${nick} · XCHER` : "XCHER";
  return nick;
}
