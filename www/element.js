/** Elements. What a peer wrote becomes text, never markup. */

export const $ = (id) => document.getElementById(id);

/** An element with properties and attributes, and children: elements or text. */
export function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const name in attributes) {
    if (name in made) made[name] = attributes[name];
    else made.setAttribute(name, attributes[name]);
  }
  made.append(...children);
  return made;
}

/** A text of a peer's, in its own direction. */
export const quoted = (text, className = "") => element("bdi", { className }, text);

/** A file's name: its folder smaller above it. */
export function fileName(name) {
  const cut = name.lastIndexOf("/") + 1;
  const own = quoted(name.slice(cut));
  return element("span", { className: "name" }, cut ? quoted(name.slice(0, cut), "quiet") : "", own);
}

/** A button that does something to something: what it is done to is for those who hear it. */
export const button = (text, to, onclick) =>
  element("button", { type: "button", "data-do": text.toLowerCase(), ariaLabel: `${text} ${to}`, onclick }, text);

/** Sets a text, if it is another: so that nothing is drawn or read out again. */
export function write(where, text) {
  if ($(where).textContent !== text) $(where).textContent = text;
}

/** Tells what went wrong, until it is put away. */
export function notice(text) {
  const row = element("p", { dir: "auto" }, text, button("OK", "", () => row.remove()));
  $("notices").prepend(row);
  $("notices").children[4]?.remove();
}

/** Shows a long list: as many rows as were scrolled to. */
export function steps(id, row) {
  const list = $(id);
  let items = [];
  const more = button("More", "", grow);
  list.after(more);
  new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && grow(), { rootMargin: "800px" }).observe(more);

  function grow() {
    const shown = list.children.length;
    list.append(...items.slice(shown, shown + 200).map(row));
    more.hidden = list.children.length === items.length;
  }

  /** Shows these; `grown` says that they are those before, and more. */
  return (all, grown) => {
    items = all;
    if (!grown) list.replaceChildren();
    if (list.children.length < 200) grow();
    else more.hidden = false;
  };
}
