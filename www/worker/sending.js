/** Sends files: by a code, from a peer of its own, or as an offer. */
import { tell } from "../messages.js";
import { Peer, qr } from "../npm/index.js";
import { MAX_CODE_ATTEMPTS } from "../npm/pkg/constants.js";
import { bridge, links } from "./connection.js";
import { plain } from "./errors.js";
import { sessionWith } from "./sessions.js";
import { upload } from "./transfers.js";

/** The most missing files that are named. */
const MAX_NAMED = 5;

const stops = new Map();

/** Returns the sentence about the error that ended a sending. */
const ended = (error) => (error.code === "cancelled" ? ["stopped"] : ["error", { error: plain(error) }]);

/** Returns what the package takes of files, `[file, name]`, empty folders, `[null, name]`, and texts, `[text]`. */
const named = (files) =>
  files.map(([file, name]) => (typeof file === "string" ? { text: file } : file ? { file, name } : { folder: name }));
const areTexts = (files) => files.every(([file]) => typeof file === "string");

/** Returns the sentences about the files that arrived, as far as the peer confirms. */
const arrived = (stored, handedOver, here = 0, texts = false) => [
  ...some(texts ? "texts-delivered" : "delivered", stored),
  ...some("sent-unconfirmed", handedOver),
  ...some("already-there", here),
];

/** Returns a sentence about so many files, or none about no files. */
const some = (id, number) => (number ? [[id, { number }]] : []);

/** Returns the sentences that name the files that did not arrive, with the reasons. */
function missingFiles(missing, number) {
  const named = missing.slice(0, MAX_NAMED).map(({ name, reason, code }) => ({ name, reason, code }));
  if (!named.length) return some("did-not-arrive", number);
  return [["missing-files", { missing: named }], ...some("and-more-missing", number - named.length)];
}

/** Sends by a code; `page` is the target of the link. */
export async function send(id, files, page) {
  const { url, token } = bridge;
  const giveUp = new AbortController();
  const say = (state, ...sentences) => stops.has(id) && tell("sending", id, state, sentences);
  stops.set(id, () => giveUp.abort());
  try {
    const sending = await Peer.send(url, named(files), { token, signal: giveUp.signal, ...links });
    stops.set(id, () => sending.stop());
    const { code, peer } = sending;
    const wait = (...why) => say("waiting", ...why, ["waiting-for-receiver"]);
    const on = (type, does) => peer.addEventListener(type, does);
    on("session", ({ session }) => {
      say("open", [areTexts(files) ? "code-used-text" : "code-used", { nick: session.nick ?? session.peerAddress }]);
      session.closed.then(() => peer.sessions.size || wait());
    });
    on("upload", ({ upload: one }) => upload(one));
    on("refused", ({ error }) => error.code === "wrong-code" && wait(["wrong-code-entered", { number: MAX_CODE_ATTEMPTS }]));
    on("offline", ({ error }) => say("waiting", ["offline-because", { error: plain(error) }]));
    on("online", () => wait());
    const link = sending.link(page);
    const command = `xcher get ${code} --relay ${url.replace("http", "ws")}`;
    tell("code", id, code, link, command, await qr(link));
    wait();
    sending.addEventListener("incomplete", ({ files, missing, missingCount }) => {
      wait(...some("arrived", files), ...missingFiles(missing, missingCount), ["code-stays-valid"]);
    });
    const { files: sent, handedOver, here } = await sending.done;
    say("done", ...arrived(sent - handedOver, handedOver, here, areTexts(files)));
  } catch (error) {
    say("failed", ended(error));
  }
  stops.delete(id);
}

export async function offer(id, nick, files) {
  const giveUp = new AbortController();
  const say = (state, ...sentences) => tell("sending", id, state, sentences);
  stops.set(id, () => giveUp.abort());
  try {
    say("waiting", ["calling", { nick }]);
    const session = await sessionWith(nick, giveUp.signal);
    const offering = session.offer(named(files));
    stops.set(id, () => session.reject());
    say("open", ["waiting-to-accept", { nick }]);
    await offering.done;
    const { stored, handedOver, sent, declined, failed, missing } = offering;
    const how = [
      ...(sent ? arrived(stored, handedOver, 0, areTexts(files)) : []),
      ...some(areTexts(files) ? "texts-declined" : "declined", declined),
      ...(failed ? missingFiles(missing, failed) : []),
    ];
    say(sent && !failed ? "done" : "failed", ...how);
  } catch (error) {
    say("failed", ended(error));
  }
  stops.delete(id);
}

export const stopSending = (id) => stops.get(id)?.();
