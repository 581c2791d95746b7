/** Elements. What a peer wrote becomes text, never markup. */

export const $ = (id) => document.getElementById(id);

/** An element with attributes, `onclick` among them, and children: elements or text. */
export function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in made) made[name] = value;
    else if (value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** A text of a peer's, in its own direction. */
export const quoted = (text) => element("bdi", {}, text);

/** A file's name: its folder smaller above it. */
export function fileName(name) {
  const cut = name.lastIndexOf("/") + 1;
  const own = element("bdi", { className: "own" }, name.slice(cut));
  if (!cut) return element("span", { className: "name" }, own);
  return element("span", { className: "name" }, element("bdi", { className: "in" }, name.slice(0, cut)), own);
}

export const button = (text, does, onclick, more) =>
  element("button", { type: "button", "data-do": does, onclick, ...more }, text);

/** Sets a text, if it is another: so that nothing is drawn or read out again. */
export function write(where, text) {
  if (where.textContent !== text) where.textContent = text;
}

/** Tells who cannot see it. */
export const say = (text) => write($("said"), text);

/** Tells something that went wrong, until it is put away. */
export function notice(text) {
  const row = element(
    "p",
    {},
    element("span", { dir: "auto" }, text),
    button("×", "dismiss", () => row.remove(), { ariaLabel: "Dismiss" }),
  );
  const rows = $("notices");
  rows.prepend(row);
  while (rows.children.length > 4) rows.lastChild.remove();
}
