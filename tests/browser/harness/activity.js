import { readdirSync, readFileSync } from "node:fs";

/**
 * Returns the activity of this process and each of its descendants so far: hundredths of a second of
 * processor time, and bytes moved.
 */
export function activity() {
  const all = new Map();
  for (const id of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const stat = text(`/proc/${id}/stat`);
    // The name in brackets may contain anything.
    const fields = stat.slice(stat.lastIndexOf(") ") + 2).split(" ");
    if (fields.length < 13) continue;
    const bytes = [...text(`/proc/${id}/io`).matchAll(/^[rw]char: (\d+)$/gm)];
    all.set(id, {
      parent: fields[1],
      ticks: Number(fields[11]) + Number(fields[12]),
      bytes: bytes.reduce((total, [, count]) => total + Number(count), 0),
    });
  }
  const isOurs = (id) => {
    for (let at = id; all.has(at); at = all.get(at).parent) if (at === String(process.pid)) return true;
    return false;
  };
  return new Map([...all].filter(([id]) => isOurs(id)));
}

/** Returns the activity between two moments of the processes that still run. */
export function done(then, now) {
  const total = { ticks: 0, bytes: 0 };
  for (const [id, { ticks, bytes }] of now) {
    const before = then.get(id) ?? { ticks: 0, bytes: 0 };
    total.ticks += Math.max(0, ticks - before.ticks);
    total.bytes += Math.max(0, bytes - before.bytes);
  }
  return total;
}

/** Reads a file of a process that may have ended or belong to another user. */
function text(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
