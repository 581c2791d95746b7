/** Creates elements. Text from peers never becomes markup. */
import { label, onReword, put, say, unput } from "./language.js";

export const $ = (id) => document.getElementById(id);

export function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const name in attributes) {
    if (name in made) made[name] = attributes[name];
    else made.setAttribute(name, attributes[name]);
  }
  made.append(...children);
  return made;
}

export const quoted = (text, className = "") => element("bdi", { className }, text);

/** Returns an element with a text of the catalogue. */
export const phrase = (tag, attributes, id, values) => put(element(tag, attributes), id, values);

/** Returns a file's name, with its folder smaller above it. */
export function fileName(name) {
  const cut = name.lastIndexOf("/") + 1;
  const own = quoted(name.slice(cut));
  return element("span", { className: "name" }, cut ? quoted(name.slice(0, cut), "quiet") : "", own);
}

/** Returns a button with a text of the catalogue. `object` is that of its action, for screen readers. */
export function button(id, object, onclick) {
  const made = phrase("button", { type: "button", "data-do": id, onclick }, id);
  if (object) label(made, () => say("action-on", { action: say(id), object }));
  return made;
}

/** Sets a text that is the same in every language. Screen readers announce it only if it differs. */
export const write = (where, text) => unput($(where), text);

export function notice(id, values) {
  const row = element("p", {}, phrase("span", { dir: "auto" }, id, values), button("ok", "", () => row.remove()));
  $("notices").prepend(row);
  $("notices").children[4]?.remove();
}

/** Rows that are added at a time. */
const STEP = 200;

/** Shows a long list, with as many rows as the user scrolls to. */
export function steps(id, row) {
  const list = $(id);
  let items = [];
  const more = button("more", "", grow);
  list.after(more);
  const seen = ([{ isIntersecting }]) => isIntersecting && grow();
  new IntersectionObserver(seen, { rootMargin: "800px" }).observe(more);

  function grow() {
    const shown = list.children.length;
    list.append(...items.slice(shown, shown + STEP).map(row));
    more.hidden = list.children.length === items.length;
  }

  /** Shows these items; `grown` if they continue the ones before. Keeps the focus. */
  function show(all, grown) {
    const held = document.activeElement.closest(`#${id} li`);
    const at = [...list.children].indexOf(held);
    items = all;
    if (!grown) list.replaceChildren();
    if (list.children.length < STEP) grow();
    more.hidden = list.children.length === items.length;
    if (held && !held.isConnected) {
      const rows = [...list.children];
      const same = rows.find(({ dataset }) => dataset.name === held.dataset.name);
      (same ?? rows[at] ?? rows[at - 1])?.querySelector("a, button").focus();
    }
  }
  onReword(() => show(items));
  return show;
}
