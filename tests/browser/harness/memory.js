import { readdirSync, readFileSync } from "node:fs";

/** Time between two measurements, in milliseconds. */
const EVERY = 100;

/**
 * Measures a browser's private memory in bytes: `tab`, that of the processes of pages and their workers, and
 * `all`, that of all its processes. `peak` is relative to the start of the measurement.
 */
export function watchMemory(browser) {
  const idle = memory(browser);
  const peak = { ...idle };
  const look = () => {
    const now = memory(browser);
    for (const what of ["tab", "all"]) peak[what] = Math.max(peak[what], now[what]);
  };
  const timer = setInterval(look, EVERY);
  return {
    stop() {
      clearInterval(timer);
      look();
      return { idle, peak, tab: peak.tab - idle.tab, all: peak.all - idle.all };
    },
  };
}

/** Returns the private memory of the processes of pages and their workers now, in bytes. */
export const memoryOfTabs = (browser) => memory(browser).tab;

/** Formats bytes in MiB. */
export function mib(bytes) {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}

function memory(browser) {
  let [tab, all] = [0, 0];
  for (const pid of family(browser.process().pid)) {
    const bytes = privateBytes(pid);
    all += bytes;
    if (isTab(pid)) tab += bytes;
  }
  return { tab, all };
}

/** Returns a process and its descendants. */
function family(root) {
  const children = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    // The name in brackets may contain anything; the parent is the second field after it.
    const parent = Number(read(pid, "stat").split(") ").pop().split(" ")[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(pid)]);
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

function isTab(pid) {
  // Chromium separates the arguments by spaces.
  const line = read(pid, "cmdline").split(/[\0 ]/);
  return line.includes("--type=renderer") || (line.includes("-contentproc") && line.includes("tab"));
}

function privateBytes(pid) {
  const rollup = read(pid, "smaps_rollup");
  const field = (name) => Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(rollup)?.[1] ?? 0);
  return (field("Private_Dirty") + field("Private_Clean")) * 1_024;
}

/** Reads a file of /proc; empty for a process that has ended. */
function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
}
