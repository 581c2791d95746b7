/** Numbers as people read them. */

const whole = new Intl.NumberFormat("en");

export const count = (number, one, many = `${one}s`) =>
  `${whole.format(number)} ${number === 1 ? one : many}`;

/** `4.2 MB` */
export function size(bytes) {
  let unit = 0;
  for (; bytes >= 999.5 && unit < 5; unit++) bytes /= 1000;
  const digits = unit && bytes < 9.95 ? 1 : 0;
  return `${bytes.toFixed(digits)} ${["B", "kB", "MB", "GB", "TB", "PB"][unit]}`;
}

/** `1 h 4 min`, `3 min`, `12 s` */
export function duration(seconds) {
  const s = Math.ceil(seconds);
  if (s < 100) return `${s} s`;
  const min = Math.round(s / 60);
  return min < 60 ? `${min} min` : `${whole.format(Math.floor(min / 60))} h ${min % 60} min`;
}
