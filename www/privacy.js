/** The encryption of a session, its peer's key, and the keys that are pinned. */
import { $, button, element, quoted, steps, write } from "./element.js";
import { tell } from "./messages.js";

const box = $("secrecy");

const KNOWN = {
  pinned: "the same as before.",
  first: "seen for the first time, and remembered from now on.",
  code: "confirmed by the code.",
  no: "not remembered, because they called you.",
};

/** Enough of a key to recognise it. */
const short = (key) => element("code", { title: key }, `${key.slice(0, 10)}…`);

/** Returns a box of a title and sentences. */
const made = (what, title, ...sentences) =>
  element("div", { className: "secrecy", "data-is": what }, element("h2", {}, title), ...sentences.map((parts) => element("p", {}, ...[parts].flat())));

/** The box on the screen: drawn again, and announced by screen readers, only if it differs. */
let drawn;
function draw(made) {
  if (made.outerHTML === drawn) return;
  drawn = made.outerHTML;
  box.dataset.is = made.dataset.is;
  box.replaceChildren(...made.childNodes);
  box.hidden = false;
}

/** Shows the encryption of the session with `nick`, if there is one. */
export function showSecurity(nick, session) {
  if (!session) {
    box.hidden = true;
    drawn = undefined;
    return;
  }
  draw(securityOf(nick, session));
}

/** Describes the encryption of the session with `nick`. */
export function securityOf(nick, { key, known, words, why }) {
  if (!key) {
    const who = why === "here" ? ["This page"] : [quoted(nick), "’s program"];
    return made("plain", "Unencrypted", [...who, " does not support encryption: anyone who can watch the network can read the names and the files."]);
  }
  return made(
    "private",
    "Encrypted",
    ["Only ", quoted(nick), " and you can read the names and the files. Their key is ", short(key), ", ", KNOWN[known]],
    words
      ? ["Safety words: ", element("b", { className: "words" }, words), element("span", { className: "quiet" }, " Compare them by voice: if they see the same words, nothing intercepts this session.")]
      : [],
  );
}

const STOPS = {
  "other-key": [
    "Stopped: the key has changed",
    " has another key than before. They may use a new browser or machine, or someone else may have taken their nick. Nothing was sent. Ask them by other means before you continue.",
  ],
  "not-private": [
    "Stopped: unencrypted",
    " supports encryption, but this connection would have been unencrypted. It may be intercepted, or lead to someone else. Nothing was sent. Ask them by other means before you continue.",
  ],
};

/** Explains a session that failed because of the peer's key or encryption. Returns false for other errors. */
export function stopped(nick, code) {
  const stop = STOPS[code];
  if (!stop) return false;
  draw(made("stopped", stop[0], [quoted(nick), stop[1]], [button("Forget the old key", `of ${nick}`, () => tell("forget", nick))]));
  return true;
}

const list = steps("known", ({ nick, key }) =>
  element(
    "li",
    { "data-name": nick },
    element("span", { className: "name" }, quoted(nick)),
    short(key),
    button("Forget", `the key of ${nick}`, () => tell("forget", nick)),
  ),
);

/** Shows the keys that are pinned, and this browser's own. */
export function known(all, mine) {
  list(all);
  write("my-key", mine);
  $("none-known").hidden = all.length;
}
