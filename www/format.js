/** Formats numbers for people. */
import { number, say } from "./language.js";

export const count = (number) => say("files", { number });

/** Says how many files and texts these are. */
export function contents(all, isText = ({ text }) => text) {
  const texts = all.filter(isText).length;
  const parts = [texts < all.length && count(all.length - texts), texts && say("texts", { number: texts })];
  return parts.filter(Boolean).join(", ");
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
