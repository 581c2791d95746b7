/** Formats numbers for people. */

export const count = (number, what = "file") =>
  `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;

/** `4.2 MiB` */
export function size(bytes) {
  let unit = 0;
  for (; bytes >= 999.5 && unit < 5; unit++) bytes /= 1024;
  return `${bytes.toFixed(unit && bytes < 9.95 ? 1 : 0)} ${["B", "KiB", "MiB", "GiB", "TiB", "PiB"][unit]}`;
}

/** `12 s`, `3 min`, `4.5 h` */
export const duration = (seconds) =>
  seconds < 100
    ? `${Math.ceil(seconds)} s`
    : seconds < 6000
      ? `${Math.round(seconds / 60)} min`
      : `${(seconds / 3600).toFixed(1)} h`;
