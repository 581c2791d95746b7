/** What the page shows: its home, the files behind a code, those of a peer, or a form, as its URL says. */
import { disconnect, goOnline, goOnlineAsGuest, isGuest, isIdle, isOnline, isRefused, me, ownNick } from "./connection.js";
import { $, quoted } from "./element.js";
import * as files from "./files.js";
import { joinForm } from "./join.js";
import { say } from "./language.js";
import { named, targetOf } from "./link_target.js";
import * as people from "./people.js";
import * as receipt from "./receipt.js";
import * as title from "./title.js";
import { busy } from "./transfers.js";

const body = document.body.dataset;
const FOCUS = { home: "home-title", code: "receipt-title", peer: "peer-title", join: "join-title", token: "token-title" };

/** Shows what the page's URL names, and goes online where that is needed. */
export async function route() {
  const text = named();
  const { code, nick } = await targetOf(text);
  if (text !== named()) return;
  const peer = nick === me ? undefined : nick;
  if (code) showCode(code);
  else if (peer) showPeer(peer);
  else showHome();
}

function showCode(code) {
  view("code", say("receive"));
  if (isOnline()) return receipt.receive(code);
  receipt.waitFor(code);
  // Under a nick of its own, which no other tab can have.
  if (isIdle()) goOnlineAsGuest();
}

function showPeer(nick) {
  if (isIdle() || isGuest()) {
    const own = ownNick();
    if (!own || isRefused) {
      view("join", nick);
      return joinForm({ callee: nick });
    }
    goOnline(own);
  }
  view("peer", nick);
  $("peer-title").replaceChildren(quoted(nick));
  people.viewed(nick);
  files.browse(nick, Boolean(me));
}

function showHome() {
  leaveCode();
  view("home");
  joinForm();
}

/** At home, goes online under the user's nick again, once nothing comes by a code any more. */
export function leaveCode() {
  if (isGuest() && !receipt.receives() && !busy()) disconnect();
  const own = ownNick();
  if (isIdle() && own && !isRefused) goOnline(own);
}

/** Shows the form for another nick. */
export function changeNick() {
  view("join");
  joinForm({ isChange: true });
}

/** Shows the form for the bridge's token. */
export const showToken = () => view("token");

function view(name, heading) {
  body.view = name;
  title.show(heading);
  if (name !== "peer") {
    people.viewed("");
    files.browse("");
  }
  $(FOCUS[name]).focus();
}
