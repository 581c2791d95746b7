/** All transfers in one line, in the title and in the icon of the tab; what their end calls for. */
import * as attention from "./attention.js";
import { offerFor } from "./attention_switch.js";
import { $, element } from "./element.js";
import * as favicon from "./favicon.js";
import { count, duration, size } from "./format.js";
import { number, put, say } from "./language.js";
import * as title from "./title.js";
import { keepAwake } from "./wake_lock.js";

/** Weight of the latest rate in that from which the time left is told. */
const RATE_WEIGHT = 0.1;
/** Transfers that took less are over before anyone looks away, in milliseconds. */
const SHORT = 5_000;

const bar = element("progress", { id: "total-bar", hidden: true, max: 1 });
$("total").after(bar);
bar.setAttribute("aria-labelledby", "total");
let rate = 0;
let began;

/** `active` are rows that are not over; `ended` counts those that are, by state, once all are. */
export function summarise(active, { tally, way, hold }, ended) {
  const moving = active.some((row) => row.active);
  keepAwake(moving);
  if (!active.length && ended) return over(ended);
  began ??= performance.now();
  const now = active.reduce((sum, row) => sum + row.rate, 0);
  rate = rate ? rate + RATE_WEIGHT * (now - rate) : now;
  // Files of an archive have rows of their own, and so has the archive.
  const ups = active.filter(({ shown }) => shown.up);
  const downs = active.filter(({ shown }) => !shown.up && !shown.files);
  const sum = (rows, of) => rows.reduce((sum, { shown }) => sum + shown[of], 0);
  const bytes = sum(ups, "bytes") + sum(downs, "bytes") + (tally?.endedBytes ?? 0);
  const all = sum(ups, "size") + (tally?.bytes ?? 0);
  const fraction = all ? Math.min(1, bytes / all) : undefined;
  const left = rate > 1 && all > bytes ? (all - bytes) / rate : undefined;
  const parts = () => [
    tally?.files > 1 && say("files-of", { number: tally.files, done: number(tally.endedFiles) }),
    moving && left !== undefined && say("time-left", { time: duration(left) }),
    moving && rate && say("rate", { size: size(rate) }),
    moving && (way === "direct" ? say("way-direct") : say("way-bridge")),
    !moving && hold && say("way-waiting"),
  ];
  put($("total"), "summary", () => ({ parts: parts().filter(Boolean).join(", ") }));
  bar.hidden = fraction === undefined;
  bar.value = fraction ?? 0;
  title.move(fraction === undefined ? "" : say("percent", { part: Math.floor(100 * fraction) }));
  favicon.show(fraction);
  if (moving && left) offerFor(left);
}

function over(ended) {
  rate = 0;
  offerFor(0);
  bar.hidden = true;
  title.move("");
  favicon.show(undefined);
  const took = performance.now() - began;
  began = undefined;
  const { done = 0, failed = 0 } = ended;
  if (!(took > SHORT) || !(done + failed)) return;
  attention.call("transfers", failed ? say("transfers-failed", { number: failed, done: count(done) }) : say("transfers-done", { number: done }));
}
