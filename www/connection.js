/** This page's connection to the relay: under the user's nick, or as a guest that only receives by a code. */
import { keep, keepInTab, kept, keptInTab } from "./browser_storage.js";
import { $ } from "./element.js";
import { explain } from "./errors.js";
import { put, say, unput } from "./language.js";
import { tell } from "./messages.js";
import { refusal } from "./token_check.js";

/** Attempts for a nick that another connection has, and the time between two, in milliseconds. */
const MAX_TRIES = 2;
/** More, for a nick that this tab had: after a reload, the relay may still give it to the old connection. */
const MAX_TRIES_OWN = 5;
const RETRY_INTERVAL = 1500;
/** Nicks that a guest tries. */
const GUEST_NICKS = 5;

const body = document.body.dataset;
let bridge;
let token;
let wanted;
let tries;
let retry;
let counting;
let handlers;

/** The nick at the relay, once online. */
export let me;
/** Set once the relay refused the user's nick, or the user gave up: only the user asks again. */
export let isRefused = false;

/**
 * `on` has `online(isSame)`, `isSame` if it was online before under this nick, and `refused(error, wasGuest)`, without an
 * error if the user gave up.
 */
export function connection(url, on) {
  bridge = url;
  handlers = on;
  tell("use", bridge.href);
  $("give-up").onclick = giveUp;
}

/** Uses a token for all connections from now on. */
export function setToken(given) {
  token = given;
  tell("use", bridge.href, token);
}

export const isOnline = () => body.state === "online";
export const isNamed = () => "named" in body;
export const isIdle = () => !wanted;
export const isGuest = () => Boolean(wanted?.guest);

/** The user's nick in this tab, or else the one of the last tab. */
export const ownNick = () => keptInTab("nick") ?? kept("nick");

/** Goes online under a nick of the user's. */
export function goOnline(nick) {
  if (isNamed() && isOnline() && nick === me) return handlers.online(true);
  isRefused = false;
  begin({ nicks: [nick], guest: false });
}

/** Goes online under any nick, only to call the sender with a code: peers may not call it. */
export function goOnlineAsGuest() {
  begin({ nicks: Array.from({ length: GUEST_NICKS }, anyNick), guest: true });
}

/** Returns a nick such as `calm-otter-417`. */
export function anyNick() {
  const any = (words) => words.split(" ")[Math.floor(8 * Math.random())];
  const how = any("brave calm early happy kind merry quiet sunny");
  return `${how}-${any("crane fox hare lynx otter owl seal wren")}-${Math.floor(100 + 900 * Math.random())}`;
}

function begin(connecting) {
  wanted = connecting;
  me = undefined;
  tries = 0;
  if (wanted.guest) delete body.named;
  else body.named = "";
  connect();
}

function connect() {
  tries += 1;
  state("connecting", "connecting");
  tell("connect", bridge.href, wanted.nicks, token, wanted.guest);
}

/** Ends the connection, or the attempt to make one. */
export function disconnect() {
  wanted = me = undefined;
  delete body.named;
  state("");
  tell("disconnect");
}

function giveUp() {
  end();
}

/** Disconnects for good: the nick is not asked for again without the user. */
function end(error) {
  const { guest } = wanted;
  disconnect();
  isRefused ||= !guest;
  handlers.refused(error, guest);
}

/** The worker's answers. */
export const answers = {
  online(nick) {
    if (!wanted) return;
    const isSame = nick === me;
    me = nick;
    if (wanted.guest) state("online");
    else {
      state("online", "online-as");
      keep("nick", nick);
      keepInTab("nick", nick);
      put($("said"), "online-as-nick", { nick });
    }
    handlers.online(isSame);
  },
  offline(error, retryIn) {
    if (!wanted) return;
    const until = performance.now() + retryIn;
    let why = () => explain(error);
    const show = () => {
      const left = Math.ceil((until - performance.now()) / 1000);
      put($("status"), left > 0 ? "offline-retrying" : "offline-now", () => ({ left, why: why() }));
    };
    state("offline");
    show();
    refusal(bridge, token).then((said) => said && (why = () => say(...said)));
    counting = setInterval(show, 1000);
    put($("said"), "offline");
  },
  refused(error) {
    if (!wanted) return;
    const isOwn = wanted.nicks[0] === keptInTab("nick");
    if (error.code === "nick-taken" && !wanted.guest && tries < (isOwn ? MAX_TRIES_OWN : MAX_TRIES)) {
      retry = setTimeout(connect, RETRY_INTERVAL);
      return;
    }
    end(error);
  },
};

function state(name, text) {
  clearInterval(counting);
  clearTimeout(retry);
  body.state = name;
  if (text) put($("status"), text);
  else unput($("status"));
  $("give-up").hidden = name !== "connecting" && name !== "offline";
  $("me").hidden = !isNamed() || name !== "online";
}
