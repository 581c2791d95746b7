/** The peers that are online or connected, and those that call. */
import * as attention from "./attention.js";
import { $, button, element, phrase, quoted, steps } from "./element.js";
import { isCode } from "./codes.js";
import { deviceSign } from "./device.js";
import { compare, put, say } from "./language.js";
import { tell } from "./messages.js";
import { showSecurity } from "./privacy.js";
import { offerTo, writeText } from "./sending.js";
import * as title from "./title.js";
import * as trust from "./trust_mark.js";

let online = [];
let open = [];
let shown = "";
let drawn;
const calls = [];
const dialog = $("call");
/** Takes the question out of the title. */
let answered;

const list = steps("people", (nick) => {
  const link = element("a", { href: `#${encodeURIComponent(nick)}` }, quoted(nick));
  if (nick === shown) link.ariaCurrent = "page";
  const row = element("li", { "data-name": nick }, link);
  const its = open.filter((session) => named(session) === nick);
  const marks = element("span", { className: "marks" }, deviceSign(its[0]));
  row.append(marks);
  if (its.length) {
    row.dataset.connected = "";
    row.title = say("connected-to", { addresses: its.map(({ address }) => address).join(", ") });
    const secret = its.every(({ key }) => key);
    marks.append(phrase("span", { className: "mark", "data-is": secret ? "private" : "plain" }, secret ? "encrypted" : "unencrypted"));
  }
  marks.append(trust.trustMark(nick, its[0]));
  const bar = element("span", { className: "bar" });
  if (!isCode(nick)) bar.append(button("offer", nick, () => offerTo(nick)), button("send-text", nick, () => writeText(nick)));
  if (its.length) bar.append(button("end", nick, () => its.forEach(({ id }) => tell("hangUp", id))));
  row.append(bar);
  return row;
});

const named = ({ nick, address }) => nick ?? address;

/** Takes the keys that are pinned, and draws what they say. */
export function pins(all) {
  trust.pins(all);
  redraw();
}

/** A nick showed another key than the pinned one. */
export function keyChanged(nick) {
  trust.keyChanged(nick);
  redraw();
}

export function keyForgotten(nick) {
  trust.keyForgotten(nick);
  redraw();
}

function redraw() {
  drawn = undefined;
  draw();
}

function draw() {
  const all = [...new Set([...open.map(named), ...online])].sort(compare);
  const now = JSON.stringify([all, open, shown]);
  if (now === drawn) return;
  drawn = now;
  list(all);
  $("peer-mark").replaceChildren(shown ? trust.trustMark(shown, session()) : "", deviceSign(session()));
  $("alone").hidden = all.length;
}

export function who(nicks) {
  online = nicks.filter((nick) => nick !== $("me").textContent);
  draw();
}

export function sessions(all) {
  const before = session();
  open = all;
  draw();
  // A session that could not be opened keeps its explanation.
  if (before || session()) showSecurity(shown, session());
}

export function viewed(nick) {
  shown = nick;
  draw();
  showSecurity(shown, session());
}

const session = () => open.find((one) => named(one) === shown);

export function call(...one) {
  calls.push(one);
  // The first stays until its answer is told, which is a moment after its dialog has closed.
  if (calls.length === 1) next();
}

/** Closes the dialog of a call that has ended. */
export function callOver(id) {
  const at = calls.findIndex(([its]) => its === id);
  if (at > 0) calls.splice(at, 1);
  else if (at === 0) dialog.close();
}

function next() {
  const [, nick, address] = calls[0];
  put($("call-title"), "wants-to-connect", () => ({ nick: quoted(nick ?? say("a-peer")) }));
  $("call-mark").replaceChildren(nick ? trust.trustMark(nick) : "");
  put($("call-from"), "call-from", { address: element("code", {}, address) });
  const asks = () => say("wants-to-connect", { nick: nick ?? say("a-peer") });
  answered = title.ask(asks);
  attention.call("call", asks());
  dialog.returnValue = "";
  dialog.showModal();
}

dialog.onclose = () => {
  answered();
  tell("answer", calls.shift()[0], dialog.returnValue === "yes");
  if (calls.length) next();
};
