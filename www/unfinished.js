/** Incomplete downloads, to be resumed or discarded. */
import { $, button, element, fileName, phrase, quoted, steps } from "./element.js";
import { size } from "./format.js";
import { get } from "./get.js";
import { tell } from "./messages.js";

const list = steps("unfinished", ({ id, nick, name, key, size: total, bytes }) =>
  element(
    "li",
    { "data-name": name },
    fileName(name),
    phrase("span", { className: "size" }, "size-of", () => ({ size: size(bytes), total: size(total), nick: quoted(nick) })),
    button("resume", name, () => get([{ name, size: total, key }], nick)),
    button("discard", name, () => tell("discard", id)),
  ),
);

export function unfinished(all) {
  list(all);
  $("left").hidden = !all.length;
}
