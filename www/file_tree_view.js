/**
 * A tree of files on the screen, as lists in lists. Only what is open has elements, and of long lists as much as the
 * user scrolls to. Every control is reached by Tab; arrow keys move as in other trees.
 */
import { button, element, phrase, quoted } from "./element.js";
import { Folder, ownName } from "./file_tree.js";
import { count, size } from "./format.js";
import { label, onReword, put, say } from "./language.js";

/** Entries that are added to a list at a time, and the most that are visible at first. */
export const STEP = 200;

const ROWS = "li[data-name], li[data-folder]";

/** Words a size, which may be approximate or unknown. */
const words = (bytes, isApproximate) => (!isApproximate ? size(bytes) : bytes ? say("about-size", { size: size(bytes) }) : "?");

export class FileTree {
  /** Set once the user has opened or closed a folder. */
  isTouched = false;
  #top;
  #on;
  #root = new Folder();
  #chosen = new Set();
  #isComplete = false;
  /** What is on the screen of a folder: `row`, `box`, `fold`, `sum`; while it is open `list`, `shown` and `more`. */
  #parts = new Map();
  #files = new WeakMap();
  #nearby = new IntersectionObserver(
    (seen) => seen.forEach(({ isIntersecting, target }) => isIntersecting && target.firstChild.click()),
    { rootMargin: "800px" },
  );

  /** `on` has `changed()`, for another choice of the user's, and `get(files)`. */
  constructor(top, on) {
    this.#top = top;
    this.#on = on;
    top.onkeydown = (event) => this.#move(event);
    onReword(() => this.show(this.#root, this.#chosen, this.#isComplete));
  }

  /** Shows these files, of which some are chosen, sorted if all have arrived. Keeps the focus. */
  show(root, chosen, isComplete) {
    const held = this.#top.contains(document.activeElement) && at(document.activeElement.closest(ROWS));
    this.#root = root;
    this.#chosen = chosen;
    this.#isComplete = isComplete;
    this.#parts.clear();
    this.#nearby.disconnect();
    this.#top.replaceChildren();
    this.#fill(root, this.#top);
    if (held) focus([...this.#top.querySelectorAll(ROWS)].find((row) => at(row) === held));
  }

  /** Shows what has arrived since. */
  grow() {
    for (const [folder, part] of [...this.#parts]) {
      if (part.list && part.shown < folder.children.length && part.shown < STEP) this.#extend(folder);
      else if (part.list && part.shown < folder.children.length) part.list.append(part.more);
      if (part.row) this.#draw(folder);
    }
  }

  #fill(folder, list) {
    if (this.#isComplete) folder.sort();
    const part = { ...this.#parts.get(folder), list, shown: 0 };
    part.more = element("li", { className: "more" }, button("more", folder.path, () => this.#extend(folder)));
    this.#parts.set(folder, part);
    this.#extend(folder);
  }

  /** Shows more entries of a folder. */
  #extend(folder) {
    const part = this.#parts.get(folder);
    const next = folder.children.slice(part.shown, part.shown + STEP);
    const isHeld = part.more.contains(document.activeElement);
    this.#nearby.unobserve(part.more);
    part.more.remove();
    const rows = next.map((child) => (child instanceof Folder ? this.#folderRow(child) : this.#fileRow(child, folder)));
    part.list.append(...rows);
    part.shown += next.length;
    if (isHeld) focus(rows[0]);
    if (part.shown === folder.children.length) return;
    part.list.append(part.more);
    this.#nearby.observe(part.more);
  }

  #fileRow(file, folder) {
    const box = element("input", { type: "checkbox", checked: this.#chosen.has(file) });
    box.onchange = () => {
      if (box.checked) this.#chosen.add(file);
      else this.#chosen.delete(file);
      folder.note(box.checked ? 1 : -1);
      this.#changed();
    };
    this.#files.set(box, file);
    const name = file.text
      ? phrase("span", { className: "name", "data-is": "text" }, "a-message")
      : element("span", { className: "name" }, quoted(ownName(file)));
    const bytes = element("span", { className: "size" }, file.folder ? say("empty-folder") : words(file.size, file.approximate));
    const get = button("get", file.name, () => this.#on.get([file]));
    return element("li", { "data-name": file.name }, element("div", { className: "row" }, element("label", {}, box, name, bytes), get));
  }

  #folderRow(folder) {
    const box = element("input", { type: "checkbox" });
    box.onchange = () => {
      folder.choose(this.#chosen, box.checked);
      this.#changed();
    };
    label(box, () => say("all-in", { folder: folder.path }));
    const name = element("span", { className: "name" }, quoted(folder.name));
    const sum = element("span", { className: "size" });
    const fold = element("button", { type: "button", className: "fold" }, name, " ", sum);
    fold.onclick = () => this.#toggle(folder);
    const get = button("get", folder.path, () => this.#on.get(folder.files()));
    const row = element("li", { "data-folder": folder.path }, element("div", { className: "row" }, element("label", { className: "check" }, box), fold, get));
    this.#parts.set(folder, { row, box, fold, sum });
    this.#draw(folder);
    if (folder.isOpen) this.#open(folder);
    return row;
  }

  #draw(folder) {
    const { box, fold, sum } = this.#parts.get(folder);
    fold.ariaExpanded = String(folder.isOpen);
    box.checked = folder.chosen === folder.count;
    box.indeterminate = folder.chosen > 0 && !box.checked;
    const parts = () => [
      (folder.count > folder.empty || !folder.empty) && count(folder.count - folder.empty),
      folder.empty && say("folders", { number: folder.empty }),
      words(folder.size, folder.isApproximate),
    ];
    put(sum, "summary", () => ({ parts: parts().filter(Boolean).join(", ") }));
  }

  #toggle(folder) {
    this.isTouched = true;
    folder.isOpen = !folder.isOpen;
    if (folder.isOpen) this.#open(folder);
    else this.#close(folder);
    this.#draw(folder);
  }

  #open(folder) {
    const list = element("ul", {});
    this.#parts.get(folder).row.append(list);
    this.#fill(folder, list);
  }

  #close(folder) {
    const { list, more, ...rest } = this.#parts.get(folder);
    list.remove();
    this.#nearby.unobserve(more);
    this.#parts.set(folder, rest);
    for (const child of folder.children) if (this.#parts.has(child)) this.#forget(child);
  }

  /** Forgets a folder in one that was closed, with what is open in it. */
  #forget(folder) {
    if (this.#parts.get(folder).list) this.#close(folder);
    this.#parts.delete(folder);
  }

  /** Shows another choice of the user's, in the folders around and below it, too. */
  #changed() {
    for (const [folder, { row }] of this.#parts) if (row) this.#draw(folder);
    for (const box of this.#top.querySelectorAll("li[data-name] input")) box.checked = this.#chosen.has(this.#files.get(box));
    this.#on.changed();
  }

  #move(event) {
    const row = event.target.closest(ROWS);
    if (!row || event.ctrlKey || event.altKey || event.metaKey) return;
    const all = [...this.#top.querySelectorAll(ROWS)];
    const here = all.indexOf(row);
    const fold = row.querySelector(":scope > .row > .fold");
    const isOpen = fold?.ariaExpanded === "true";
    const keys = ["ArrowLeft", "ArrowRight"];
    const [outward, inward] = document.documentElement.dir === "rtl" ? keys.reverse() : keys;
    const goes = {
      ArrowDown: () => all[here + 1],
      ArrowUp: () => all[here - 1],
      Home: () => all[0],
      End: () => all.at(-1),
      [inward]: () => (!fold || isOpen ? fold && all[here + 1] : fold.click()),
      [outward]: () => (isOpen ? fold.click() : row.parentElement.closest(ROWS)),
    };
    if (!Object.hasOwn(goes, event.key)) return;
    event.preventDefault();
    focus(goes[event.key]());
  }
}

/** Names an entry. */
const at = (row) => row && (row.dataset.name ?? `${row.dataset.folder}/`);

const focus = (row) => row?.querySelector(":is(.fold, [data-name] input)")?.focus();
