/** Who can hear what is said with whom, and who that is. */
import { $, button, element, quoted, steps, write } from "./element.js";
import { tell } from "./messages.js";

const box = $("secrecy");

const KNOWN = {
  pinned: "the one they had before.",
  first: "seen for the first time, and remembered from now on.",
  code: "of who knows the code.",
  no: "not remembered, since it was they who called.",
};

/** Enough of a key to tell it from others by eye. */
const short = (key) => element("code", { title: key }, `${key.slice(0, 10)}…`);

/** What the state is, then sentences. */
const made = (what, title, ...sentences) =>
  element("div", { className: "secrecy", "data-is": what }, element("h2", {}, title), ...sentences.map((parts) => element("p", {}, ...[parts].flat())));

/** Only what is new is drawn. */
let drawn;
function draw(made) {
  if (made.outerHTML === drawn) return;
  drawn = made.outerHTML;
  box.dataset.is = made.dataset.is;
  box.replaceChildren(...made.childNodes);
  box.hidden = false;
}

/** Of the session with `nick`, if there is one. */
export function secrecy(nick, session) {
  if (!session) {
    box.hidden = true;
    drawn = undefined;
    return;
  }
  draw(secrecyOf(nick, session));
}

/** Who can hear what is said with `nick`, for people. */
export function secrecyOf(nick, { key, known, words, why }) {
  if (!key) {
    const who = why === "here" ? "This page was" : [quoted(nick), "’s program was"];
    return made("plain", "Not private", [...[who].flat(), " not made for private sessions: whoever can watch the network can read the names and the files."]);
  }
  return made(
    "private",
    "Private",
    ["Only ", quoted(nick), " and you can read what is sent. Their key is ", short(key), ", ", KNOWN[known]],
    words
      ? ["Safety words: ", element("b", { className: "words" }, words), element("span", { className: "quiet" }, " If they see the same, nobody is between you. Ask them by voice.")]
      : [],
  );
}

const STOPS = {
  "other-key": [
    "Stopped: the key has changed",
    " had another key when you met. Either they have a new browser or a new machine, or someone else has taken their nick. Nothing was told to them. Ask them in another way before you go on.",
  ],
  "not-private": [
    "Stopped: not private",
    " can speak in private, and this connection would not have been. Someone may be in between, or it may be someone else. Nothing was told to them. Ask them in another way before you go on.",
  ],
};

/** Whether a session failed for who is there: then it is said what that means. */
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

/** Whose keys are remembered here, and our own. */
export function known(all, mine) {
  list(all);
  write("my-key", mine);
  $("nobody-known").hidden = all.length;
}
