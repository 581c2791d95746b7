/** One transfer on the screen. */
import { button, element, fileName, phrase, quoted } from "./element.js";
import { explain } from "./errors.js";
import { count, duration, size } from "./format.js";
import { label, put, say } from "./language.js";
import { tell } from "./messages.js";

/** States of a transfer that has ended, and its text. */
const ENDED = { packed: "row-packed", done: "row-done", cancelled: "row-cancelled", paused: "row-paused" };

export function make({ id, up, name, more, nick, size: total }) {
  const row = {
    bar: element("progress", { max: total || 1 }),
    text: element("span", {}),
    act: button("cancel", name, () => tell("cancel", id)),
    pause: button("pause", name, () => tell("pause", id)),
    retry: button("retry", name, () => tell("repeat", id)),
    resume: button("resume", name, () => tell("repeat", id)),
  };
  label(row.bar, () => name);
  const peer = phrase("span", {}, more ? (up ? "more-to-nick" : "more-from-nick") : up ? "to-nick" : "from-nick", () => ({
    nick: quoted(nick),
    ...(more && { more: say("and-more", { number: more }) }),
  }));
  row.li = element(
    "li",
    { "data-name": name, "data-way": up ? "up" : "down" },
    fileName(name),
    row.pause,
    row.resume,
    row.retry,
    row.act,
    row.bar,
    element("p", { className: "quiet" }, peer, row.text),
  );
  return row;
}

export function update(row, shown) {
  const { size: total, bytes, state, verified, pauses, repeats } = shown;
  row.li.dataset.state = state;
  row.active = state === "active";
  row.over = !row.active && state !== "waiting";
  row.rate = row.active ? shown.rate : 0;
  // A bar without a value shows activity of unknown progress.
  if (total) row.bar.value = bytes;
  const buttons = [row.act, row.pause, row.retry, row.resume];
  const held = buttons.indexOf(document.activeElement);
  row.bar.hidden = row.act.hidden = row.over;
  row.pause.hidden = !row.active || !pauses;
  row.retry.hidden = !repeats || !["failed", "cancelled"].includes(state);
  row.resume.hidden = !repeats || state !== "paused";
  // The focus stays in the row where it can.
  const lost = held >= 0 && buttons[held].hidden;
  const next = lost && buttons.find((each) => !each.hidden);
  if (lost) (next || document.getElementById("transfers-title")).focus();
  put(row.text, ...words(shown));
  row.text.className = verified && row.over ? "mark" : "";
  if (verified && row.over) row.text.dataset.is = "verified";
  else delete row.text.dataset.is;
}

/** Returns the text of a row. */
function words(shown) {
  const { up, size: total, bytes, rate, state, error, verified, files, missing } = shown;
  if (state === "failed") return ["error", () => ({ error: why(error) })];
  if (state === "waiting") return ["row-waiting", () => ({ error: why(error) })];
  if (state !== "active") {
    if (missing) return ["row-incomplete", () => ({ files: count(files), number: missing })];
    if (files && state === "done") return ["row-archive", () => ({ files: count(files), size: size(bytes) })];
    if (state === "packed" && verified) return ["row-packed-verified", () => ({ size: size(bytes) })];
    const id = state === "done" ? (verified ? "row-verified" : up ? "row-sent" : ENDED.done) : ENDED[state];
    return [id, () => ({ size: size(bytes) })];
  }
  const part = () => (total ? say("part-of", { part: Math.floor((100 * bytes) / total), size: size(total) }) : size(bytes));
  if (rate > 1 && total > bytes) {
    return ["row-left", () => ({ part: part(), rate: size(rate), left: duration((total - bytes) / rate) })];
  }
  return ["row-moving", () => ({ part: part(), rate: size(rate) })];
}

/** Words an error; one about space in sizes. */
export const why = (error) =>
  error.code === "space"
    ? say("error-space", { needs: size(error.needs), has: size(error.has) })
    : explain(error);
