/** The page: what the worker says goes to the parts of the screen. */
import { $, notice, quoted, write } from "./element.js";
import * as files from "./files.js";
import { isCode } from "./format.js";
import { invite, join } from "./join.js";
import * as manifest from "./manifest.js";
import { hear, tell } from "./messages.js";
import * as people from "./people.js";
import { known } from "./privacy.js";
import * as sending from "./sending.js";
import * as sharing from "./sharing.js";
import { busy, transfers } from "./transfers.js";
import { unfinished } from "./unfinished.js";

const body = document.body.dataset;
const config = await fetch("config.json").then((answer) => answer.json(), () => ({ tunnel: "xcher" }));
const bridge = new URL(config.tunnel, location.href);
let wanted;
let me;
/** Whether it was tried again: after a reload, the nick may be ours for a moment more. */
let again;
let counting;

hear({
  ...files,
  ...people,
  ...sending,
  ...sharing,
  sessions(all) {
    people.sessions(all);
    manifest.sessions(all);
  },
  offered(id, session, nick = "Someone", files) {
    const settle = (wanted, target) => tell("settle", id, wanted?.map(({ name }) => name), target);
    manifest.ask({ id, session, nick, files, settle });
  },
  gone: manifest.drop,
  transfers,
  unfinished,
  known,
  notice,
  online(nick) {
    const known = nick === me;
    me = nick;
    again = false;
    state("online", "Online as");
    invite(nick, bridge);
    write("said", `Online as ${nick}`);
    tell("who");
    if (known) files.reopen();
    else route();
  },
  offline(why, retryIn) {
    const until = performance.now() + retryIn;
    const then = () => {
      const left = Math.ceil((until - performance.now()) / 1000);
      write("status", `Offline${left > 0 ? `, trying again in ${left} s` : ""}: ${why}`);
    };
    state("offline");
    then();
    counting = setInterval(then, 1000);
    write("said", "Offline");
  },
  refused(code, why) {
    if (code === "nick-taken" && !again) {
      again = setTimeout(tell, 1500, "connect", ...wanted);
    } else {
      state("", "");
      ask(why);
    }
  },
  forgotten: (nick) => files.again(nick),
  turnedAway(nick, address, code, why) {
    notice(
      code === "other-key"
        ? `Someone who is not the ${nick} you met wanted to connect, or ${nick} has a new key. Nothing was told to them.`
        : `${nick ?? address}: ${why}`,
    );
  },
  save(file, name) {
    // Of no kind, or the browser would give it a better name.
    const href = URL.createObjectURL(new Blob([file], { type: "application/octet-stream" }));
    Object.assign(document.createElement("a"), { href, download: name }).click();
    setTimeout(URL.revokeObjectURL, 300_000, href);
    tell("saved");
  },
  broken: () => notice("The program broke: reload the page."),
});

const ask = join(config, (...who) => {
  if (who[0] === me && body.state === "online") return route();
  wanted = [bridge.href, ...who];
  me = undefined;
  state("", "Connecting…");
  tell("connect", ...wanted);
  route();
});

$("me").onclick = () => ask("");
onhashchange = route;
onbeforeunload = (event) => {
  if (busy() || sending.sends()) event.preventDefault();
};
$("offer-them").onclick = () => sending.offerTo($("peer-title").textContent);
setInterval(() => document.hidden || tell("who"), 5000);

function state(name, text) {
  clearInterval(counting);
  body.state = name;
  if (text !== undefined) write("status", text);
}

/** Shows what the address asks for: someone's files, or ours. */
function route() {
  if (!wanted) return;
  let nick = "";
  try {
    nick = decodeURIComponent(location.hash.slice(1));
  } catch {
    // No nick is written so.
  }
  if (nick === me) nick = "";
  body.view = nick ? "peer" : "home";
  document.title = nick ? `${nick} · XCHER` : "XCHER";
  $("peer-title").replaceChildren(quoted(nick));
  people.viewed(nick);
  $("offer-them").hidden = isCode(nick);
  if (me) files.browse(nick);
  $(nick ? "peer-title" : "home-title").focus();
}
