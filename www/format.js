/** Formats numbers for people. */
import { number, say } from "./language.js";

export const count = (number) => say("files", { number });

const kind = ({ text, folder }) => (text ? "texts" : folder ? "folders" : "files");

/** Says how many files, empty folders and texts these are. */
export function contents(all, kindOf = kind) {
  const counts = { files: 0, folders: 0, texts: 0 };
  for (const one of all) counts[kindOf(one)] += 1;
  const parts = Object.entries(counts).filter(([, number]) => number);
  return parts.map(([id, number]) => say(id, { number })).join(", ") || count(0);
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** `4.2 MiB` */
export function size(bytes) {
  let unit = 0;
  for (; bytes >= 999.5 && unit < 5; unit++) bytes /= 1024;
  return `${number(bytes, unit && bytes < 9.95 ? 1 : 0)} ${UNITS[unit]}`;
}

/** `12 s`, `3 min`, `4.5 h` */
export const duration = (seconds) =>
  seconds < 100
    ? `${Math.ceil(seconds)} s`
    : seconds < 6000
      ? `${Math.round(seconds / 60)} min`
      : `${number(seconds / 3600, 1)} h`;
