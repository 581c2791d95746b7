/** Files on their way, both ways. */
import { $, button, element, fileName, quoted, say, write } from "./element.js";
import { count, duration, size } from "./format.js";

/** Rows of transfers that are over: the oldest go. */
const OVER = 60;

export function transfers(tell) {
  const rows = new Map();
  let waiting = 0;
  /** What ended since it was last said. */
  let ended = { done: [], failed: [] };
  let saying;

  function make({ id, up, name, nick }) {
    const row = {
      bar: element("progress", { max: 1, ariaLabel: name }),
      text: element("span", { className: "quiet" }),
      act: button("Cancel", "cancel", () => tell("cancel", id), { ariaLabel: `Cancel ${name}` }),
      name,
    };
    row.li = element(
      "li",
      { "data-name": name, "data-way": up ? "up" : "down" },
      fileName(name),
      row.act,
      row.bar,
      element("p", {}, element("span", { className: "quiet" }, up ? "to " : "from ", quoted(nick)), row.text),
    );
    rows.set(id, row);
    $("moving").prepend(row.li);
    return row;
  }

  function update(change) {
    const { id, up, size: total, bytes, rate, state, why } = change;
    const row = rows.get(id) ?? make(change);
    row.state = row.li.dataset.state = state;
    row.rate = state === "active" ? rate : 0;
    const part = total ? Math.min(1, bytes / total) : 0;
    row.bar.value = part;
    row.bar.hidden = state !== "active";
    write(row.text, words());
    if (state === "active") return;
    ended[state]?.push(row.name);
    saying ??= setTimeout(sayEnded, 1500);
    if (state === "failed" && !up) {
      write(row.act, "Try again");
      row.act.dataset.do = "retry";
      row.act.ariaLabel = `Try ${row.name} again`;
      row.act.onclick = () => {
        tell("retry", id);
        drop(id);
      };
    } else row.act.hidden = true;

    function words() {
      if (state === "done") return `${size(total)} ${up ? "sent" : "received"}`;
      if (state !== "active") return why || "cancelled";
      const left = rate > 1 && bytes < total ? `, ${duration((total - bytes) / rate)} left` : "";
      return `${Math.floor(part * 100)} % · ${size(bytes)} of ${size(total)} · ${size(rate)}/s${left}`;
    }
  }

  function drop(id) {
    rows.get(id).li.remove();
    rows.delete(id);
  }

  function sayEnded() {
    saying = undefined;
    const { done, failed } = ended;
    ended = { done: [], failed: [] };
    const named = (names, what) =>
      names.length ? `${names.length > 1 ? count(names.length, "file") : names[0]} ${what}. ` : "";
    say(named(done, "done") + named(failed, "failed"));
  }

  const active = () => [...rows.values()].filter(({ state }) => state === "active");
  const over = () => [...rows].filter(([, { state }]) => state !== "active");

  function total() {
    const moving = active();
    const rate = moving.reduce((sum, row) => sum + row.rate, 0);
    write($("total"), moving.length ? `${count(moving.length, "file")}, ${size(rate)}/s` : "");
    $("clear").hidden = !over().length;
    $("transfers").hidden = !rows.size && !waiting;
  }

  $("clear").onclick = () => {
    for (const [id] of over()) drop(id);
    total();
  };
  $("resume").onclick = () => tell("resume");
  $("waiting-drop").onclick = () => tell("drop");

  return {
    show(changes, number, bytes, why) {
      changes.forEach(update);
      const old = over();
      for (const [id] of old.slice(0, Math.max(0, old.length - OVER))) drop(id);
      waiting = number;
      $("waiting").hidden = !number;
      $("resume").hidden = !why;
      write($("waiting-text"), `${count(number, "file")} waiting, ${size(bytes)}${why ? `. ${why}` : ""}`);
      total();
    },
    busy: () => waiting || active().length,
  };
}
