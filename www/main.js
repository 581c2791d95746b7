/** The page: passes the worker's messages to the parts of the screen. */
import { $, notice, quoted, write } from "./element.js";
import * as files from "./files.js";
import { isCode, learn, learned } from "./codes.js";
import { invite, join, refusal } from "./join.js";
import * as manifest from "./manifest.js";
import { say, use } from "./language.js";
import { hear, tell } from "./messages.js";
import * as people from "./people.js";
import { TUNNEL_PATH } from "./npm/pkg/constants.js";
import { known } from "./privacy.js";
import * as sending from "./sending.js";
import * as sharing from "./sharing.js";
import { busy, transfers } from "./transfers.js";
import { unfinished } from "./unfinished.js";

await use(navigator.languages);
const body = document.body.dataset;
const config = await fetch("config.json").then((answer) => answer.json(), () => ({ tunnel: TUNNEL_PATH.slice(1) }));
const bridge = new URL(config.tunnel, location.href);
let wanted;
let me;
/** Set while a taken nick is retried: after a reload, the relay may still give it to the old connection. */
let again;
let counting;

hear({
  ...files,
  ...people,
  ...sending,
  ...sharing,
  learned,
  sessions(all) {
    people.sessions(all);
    manifest.sessions(all);
  },
  offered(id, session, nick = "A peer", files) {
    const settle = (wanted, target) => tell("settle", id, wanted?.map(({ name }) => name), target);
    manifest.ask({ id, session, nick, files, settle });
  },
  withdrawn: manifest.drop,
  transfers,
  text: (from, text) => notice(say("text-from", { from, text })),
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
      write("status", `Offline${left > 0 ? `, retrying in ${left} s` : ""}: ${why}`);
    };
    state("offline");
    then();
    refusal(bridge).then((said) => (why = said || why));
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
  callFailed(nick, address, code, why) {
    notice(
      code === "other-key"
        ? `A call from ${nick} was refused: the key differs from the one ${nick} had before. Nothing was sent.`
        : `${nick ?? address}: ${why}`,
    );
  },
  save(file, name) {
    // Without a type, so that the browser does not change the name.
    const href = URL.createObjectURL(new Blob([file], { type: "application/octet-stream" }));
    Object.assign(document.createElement("a"), { href, download: name }).click();
    setTimeout(URL.revokeObjectURL, 300_000, href);
    tell("saved");
  },
  broken: () => notice("This page has failed. Reload it."),
});

const ask = join(config, await hasCode(), (...who) => {
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

/** Returns the nick or code in the URL. */
function target() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    // It is not encoded as a nick or code is.
    return "";
  }
}

/** Returns true if the URL has a code. */
async function hasCode() {
  const text = target();
  if (text) await learn(text);
  return text && isCode(text);
}

/** Shows the peer in the URL, or the page's own files. */
async function route() {
  if (!wanted) return;
  let nick = target();
  await hasCode();
  if (nick !== target()) return;
  if (nick === me) nick = "";
  body.view = nick ? "peer" : "home";
  document.title = nick ? `${nick} · XCHER` : "XCHER";
  $("peer-title").replaceChildren(quoted(nick));
  people.viewed(nick);
  $("offer-them").hidden = isCode(nick);
  if (me) files.browse(nick);
  $(nick ? "peer-title" : "home-title").focus();
}
