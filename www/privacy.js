/** The encryption of a session, its peer's key, and the keys that are pinned. */
import { $, button, element, phrase, quoted, steps, write } from "./element.js";
import { onReword, say } from "./language.js";
import { tell } from "./messages.js";

const box = $("secrecy");

const KNOWN = { pinned: "key-pinned", first: "key-first", no: "key-no" };

/** Enough of a key to recognise it. */
const short = (key) => element("code", { title: key }, `${key.slice(0, 10)}…`);

/** Returns a box of a title and paragraphs. */
const made = (what, title, ...paragraphs) =>
  element("div", { className: "secrecy", "data-is": what }, phrase("h2", {}, title), ...paragraphs);

/** The box on the screen: drawn again, and announced by screen readers, only if it differs. */
let drawn;
/** Makes it, also in another language. */
let make;
function draw(makes) {
  make = makes;
  const made = make();
  if (made.outerHTML === drawn) return;
  drawn = made.outerHTML;
  box.dataset.is = made.dataset.is;
  box.replaceChildren(...made.childNodes);
  box.hidden = false;
}
onReword(() => make && draw(make));

/** Shows the encryption of the session with `nick`, if there is one. */
export function showSecurity(nick, session) {
  if (!session) {
    box.hidden = true;
    drawn = make = undefined;
    return;
  }
  draw(() => securityOf(nick, session));
}

/** Describes the encryption of the session with `nick`. */
export function securityOf(nick, { key, known, words, why }) {
  const values = () => ({ nick: quoted(nick) });
  if (!key) return made("plain", "unencrypted", phrase("p", {}, why === "here" ? "plain-here" : "plain-there", values));
  // The code has proved more than words or a key could.
  if (known === "code") return made("private", "encrypted", phrase("p", {}, "private-by-code", values));
  const keyed = phrase("p", {}, "private-session", () => ({ nick: quoted(nick), key: short(key), known: say(KNOWN[known]) }));
  if (!words) return made("private", "encrypted", keyed);
  const bold = () => ({ words: element("b", { className: "words" }, words) });
  const compare = phrase("span", { className: "quiet" }, "compare-words");
  return made("private", "encrypted", keyed, element("p", {}, phrase("span", {}, "safety-words", bold), " ", compare));
}

const STOPS = {
  "other-key": ["stopped-key", "stopped-key-why"],
  "not-private": ["stopped-plain", "stopped-plain-why"],
};

/** A key as the package's messages have it. */
const KEY = /[A-Za-z0-9+/]{43}=/g;

/** Explains a session that failed because of the peer's key or encryption. Returns false for other errors. */
export function stopped(nick, { code, message }) {
  const stop = STOPS[code];
  if (!stop) return false;
  const forget = () => button("forget-old", nick, () => tell("forget", nick));
  draw(() => made("stopped", stop[0], phrase("p", {}, stop[1], { nick: quoted(nick) }), ...bothKeys(message), element("p", {}, forget())));
  return true;
}

/** Returns the pinned key and the one that was shown, to be compared with what the peer says. */
function bothKeys(message) {
  const [before, now] = message.match(KEY) ?? [];
  if (!now) return [];
  const whole = (key) => element("code", { "data-is": "key" }, key);
  return [phrase("p", {}, "key-before", () => ({ key: whole(before) })), phrase("p", {}, "key-now", () => ({ key: whole(now) }))];
}

const list = steps("known", ({ nick, key }) =>
  element(
    "li",
    { "data-name": nick },
    element("span", { className: "name" }, quoted(nick)),
    short(key),
    button("forget", nick, () => tell("forget", nick)),
  ),
);

/** Shows the keys that are pinned, and this browser's own. */
export function known(all, mine) {
  list(all);
  write("my-key", mine);
  $("none-known").hidden = all.length;
}
