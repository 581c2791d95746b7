/** The transfers, in both directions. */
import { $, button, element, fileName, quoted, write } from "./element.js";
import { count, duration, size } from "./format.js";
import { say } from "./language.js";
import { tell } from "./messages.js";

/** The most ended transfers that are shown. */
const MAX_ENDED = 60;

const rows = new Map();
let waiting = 0;
/** Transfers that ended in each way since the last announcement. */
let ended = {};

function make({ id, up, name, more, nick, size: total }) {
  const row = {
    bar: element("progress", { ariaLabel: name, max: total || 1 }),
    text: element("span", {}),
    act: button("cancel", name, () => tell("cancel", id)),
    pause: button("pause", name, () => tell("pause", id)),
  };
  const others = more ? `${say("and-more", { number: more })} ` : "";
  const peer = element("span", {}, others, up ? "to " : "from ", quoted(nick));
  row.li = element(
    "li",
    { "data-name": name, "data-way": up ? "up" : "down" },
    fileName(name),
    row.pause,
    row.act,
    row.bar,
    element("p", { className: "quiet" }, peer, row.text),
  );
  rows.set(id, row);
  $("moving").prepend(row.li);
  return row;
}

function update(change) {
  const { id, size: total, bytes, rate, state, why, verified, pauses } = change;
  const row = rows.get(id) ?? make(change);
  row.li.dataset.state = state;
  row.active = state === "active";
  row.rate = row.active ? rate : 0;
  // A bar without a value shows activity of unknown progress.
  if (total) row.bar.value = bytes;
  if (!row.active && [row.act, row.pause].includes(document.activeElement)) $("transfers-title").focus();
  row.bar.hidden = row.act.hidden = !row.active;
  row.pause.hidden = !row.active || !pauses;
  const part = total ? `${Math.floor((100 * bytes) / total)} % of ${size(total)}` : size(bytes);
  const left = rate > 1 && total > bytes ? `, ${duration((total - bytes) / rate)} left` : "";
  row.text.textContent = row.active
    ? `${part}, ${size(rate)}/s${left}`
    : state === "failed"
      ? why
      // The report that the peer has stored it is shown for all files together, once confirmed.
      : `${size(bytes)}, ${verified ? "verified" : change.up && state === "done" ? "sent" : state}`;
  row.text.className = verified ? "mark" : "";
  if (verified) row.text.dataset.is = "verified";
  if (!row.active) ended[state] = (ended[state] ?? 0) + 1;
}

const over = () => [...rows].filter(([, { active }]) => !active);

function forget(some) {
  for (const [id, { li }] of some) {
    li.remove();
    rows.delete(id);
  }
}

export const busy = () => waiting || over().length < rows.size;

export function transfers(changes, number, bytes, why) {
  changes.forEach(update);
  forget(over().slice(0, -MAX_ENDED));
  waiting = number;
  $("waiting").hidden = !waiting;
  $("resume").hidden = !why;
  write("waiting-text", `${count(waiting)} waiting, ${size(bytes)}. ${why}`);
  draw();
}

function draw() {
  const rate = [...rows.values()].reduce((sum, row) => sum + row.rate, 0);
  write("total", rate ? `${size(rate)}/s` : "");
  $("clear").hidden = !over().length;
  $("transfers").hidden = !rows.size && !waiting;
  if (!busy() && Object.keys(ended).length) {
    write("said", Object.entries(ended).map(([how, number]) => `${count(number)} ${how}`).join(", "));
    ended = {};
  }
}

$("clear").onclick = () => {
  forget(over());
  draw();
};
$("resume").onclick = () => tell("resume");
$("drop-waiting").onclick = () => tell("drop");
