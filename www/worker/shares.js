/** Shared files, kept here so that a new peer shares them, too. A folder is shown as one. */
import { tell } from "../messages.js";
import { peer } from "./connection.js";

/** Files as `[file, name, Share?]`, empty folders without a file, by the name of the file or top folder, then by their own. */
const groups = new Map();
let showing;

export function share(files) {
  const errors = [];
  for (const entry of files) {
    const [file, name] = entry;
    const top = name.split("/", 1)[0];
    if (!groups.has(top)) groups.set(top, new Map());
    const group = groups.get(top);
    // A file that is shared again may have changed.
    group.get(name)?.[2]?.stop();
    group.set(name, entry);
    try {
      entry[2] = file ? peer?.share(file, name) : peer?.share({ folder: name });
    } catch ({ message }) {
      group.delete(name);
      errors.push(message);
    }
  }
  if (errors.length) tell("notice", "not-shared", { number: errors.length, detail: errors[0] });
  showing ??= setTimeout(show, 50);
}

export function stop(name) {
  for (const [, , share] of groups.get(name).values()) share?.stop();
  groups.delete(name);
  show();
}

export function again() {
  share([...groups.values()].flatMap((group) => [...group.values()].map(([file, name]) => [file, name])));
}

function show() {
  showing = undefined;
  const shown = [];
  for (const [name, group] of groups) {
    let size = 0;
    const files = [...group.values()].flatMap(([file]) => file ?? []);
    for (const file of files) size += file.size;
    if (group.size) shown.push({ name, folder: !group.get(name)?.[0], files: files.length, size });
    else groups.delete(name);
  }
  tell("shares", shown);
}
