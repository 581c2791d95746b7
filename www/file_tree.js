/** The files of a listing as a tree of folders, each with the number and size of all files in it. */
import { compare } from "./language.js";

/** The most entries of a folder that are sorted: it takes a moment, and the peer has sorted them in its own way. */
const MAX_SORTED = 50_000;

export class Folder {
  /** Folders and files, in the order of their arrival until they are sorted. */
  #children = [];
  #folders = new Map();
  #isSorted = true;
  /** Counts of all files and empty folders below, of empty folders alone, and of the chosen ones. */
  count = 0;
  empty = 0;
  chosen = 0;
  size = 0;
  /** Set if some sizes are approximate. */
  isApproximate = false;
  isOpen = false;

  constructor(name = "", parent = undefined) {
    this.name = name;
    this.parent = parent;
    this.path = parent?.parent ? `${parent.path}/${name}` : name;
  }

  /** Adds a file by its name, with the folders that the name has. */
  add(file, isChosen) {
    const folders = file.name.split("/").slice(0, -1);
    let at = this;
    at.#count(file, isChosen);
    for (const name of folders) {
      at = at.#folder(name);
      at.#count(file, isChosen);
    }
    at.#children.push(file);
    at.#isSorted = false;
  }

  #folder(name) {
    let folder = this.#folders.get(name);
    if (!folder) {
      folder = new Folder(name, this);
      this.#folders.set(name, folder);
      this.#children.push(folder);
      this.#isSorted = false;
    }
    return folder;
  }

  #count({ size, approximate, folder }, isChosen) {
    this.count += 1;
    if (folder) this.empty += 1;
    this.size += size;
    this.isApproximate ||= approximate;
    if (isChosen) this.chosen += 1;
  }

  /** Returns its folders and files as they have arrived. */
  get children() {
    return this.#children;
  }

  /** Sorts them as people do: folders first, and `a2` before `a10`. */
  sort() {
    if (this.#isSorted || this.#children.length > MAX_SORTED) return;
    const key = (child) => (child instanceof Folder ? child.name : ownName(child));
    const rank = (child) => Number(!(child instanceof Folder));
    const keyed = this.#children.map((child) => [rank(child), key(child), child]);
    keyed.sort(([rank, key], [otherRank, otherKey]) => rank - otherRank || compare(key, otherKey));
    this.#children = keyed.map(([, , child]) => child);
    this.#isSorted = true;
  }

  /** Returns all files below. */
  files() {
    const found = [];
    const folders = [this];
    for (let folder; (folder = folders.pop()); ) {
      for (const child of folder.#children) (child instanceof Folder ? folders : found).push(child);
    }
    return found;
  }

  /** Chooses all files below or none, in `chosen`, too. */
  choose(chosen, isChosen) {
    const before = this.chosen;
    for (const file of this.files()) {
      if (isChosen) chosen.add(file);
      else chosen.delete(file);
    }
    const folders = [this];
    for (let folder; (folder = folders.pop()); ) {
      folder.chosen = isChosen ? folder.count : 0;
      folders.push(...folder.#folders.values());
    }
    this.parent?.note(this.chosen - before);
  }

  /** Counts the chosen files anew, which another tree may have changed. */
  recount(chosen) {
    this.chosen = 0;
    for (const child of this.#children) {
      if (child instanceof Folder) this.chosen += child.recount(chosen);
      else if (chosen.has(child)) this.chosen += 1;
    }
    return this.chosen;
  }

  /** Counts so many more chosen files, in the folders around it, too. */
  note(chosen) {
    for (let folder = this; folder; folder = folder.parent) folder.chosen += chosen;
  }

  /**
   * Opens folders from the outermost on, while no more than so many entries are visible; one that is alone is opened
   * in any case.
   */
  openSome(most) {
    let visible = 0;
    let level = [this];
    while (level.length) {
      const next = [];
      for (const folder of level) {
        const isAlone = level.length === 1 && (!folder.parent || folder.parent.#children.length === 1);
        if (!isAlone && visible + folder.#children.length > most) continue;
        folder.isOpen = true;
        visible += folder.#children.length;
        next.push(...folder.#folders.values());
      }
      level = next;
    }
  }
}

/** Returns a file's name without its folders. */
export const ownName = ({ name }) => name.slice(name.lastIndexOf("/") + 1);
