/** Numbers as people read them. */

export const count = (number, what = "file") =>
  `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;

/** Whether someone meant a code: digits, then letters after a dash or a space. */
export const isCode = (text) => /^\W*\d{1,9}(-|%20|\s)+[a-z]/i.test(text);

/** `4.2 MB` */
export function size(bytes) {
  let unit = 0;
  for (; bytes >= 999.5 && unit < 5; unit++) bytes /= 1000;
  return `${bytes.toFixed(unit && bytes < 9.95 ? 1 : 0)} ${["B", "kB", "MB", "GB", "TB", "PB"][unit]}`;
}

/** `12 s`, `3 min`, `4.5 h` */
export const duration = (seconds) =>
  seconds < 100
    ? `${Math.ceil(seconds)} s`
    : seconds < 6000
      ? `${Math.round(seconds / 60)} min`
      : `${(seconds / 3600).toFixed(1)} h`;
