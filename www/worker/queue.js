/** Files that are to be fetched: some at a time, the others wait. */
import { sink } from "./saving.js";

/** At a time into a folder. As downloads it is one, so that each is there before the next. */
const AT_ONCE = 4;

export function queue(sessions, progress, send) {
  let jobs = [];
  let bytes = 0;
  let busy = 0;
  /** Why nothing is begun. */
  let held = "";
  /** Counts the times that all were dropped. */
  let era = 0;

  function run() {
    progress.touch();
    while (!held && jobs.length && busy < (jobs[0].target ? AT_ONCE : 1)) {
      const job = jobs.shift();
      bytes -= job.file.size;
      busy++;
      fetch(job).finally(() => {
        busy--;
        run();
      });
    }
  }

  function put(job) {
    jobs.unshift(job);
    bytes += job.file.size;
  }

  async function fetch(job) {
    const { nick, file, target } = job;
    const mine = era;
    let session;
    try {
      session = await sessions.with(nick);
    } catch (error) {
      if (mine !== era) return;
      put(job);
      held ||= `${nick}: ${error.message}`;
      return;
    }
    if (mine !== era) return;
    let cancelled = false;
    let download;
    let to;
    const row = progress.begin({
      name: file.name,
      nick,
      job,
      size: file.size,
      count: () => download?.received ?? 0,
      cancel() {
        cancelled = true;
        download?.cancel();
      },
    });
    try {
      to = await sink(target, file.name, file.size);
      if (cancelled) throw Object.assign(new Error(), { code: "cancelled" });
      download = session.get(file);
      // Said by the stream too.
      download.done.catch(() => {});
      const reader = download.readable.getReader();
      for (let part; !(part = await reader.read()).done; ) await to.write(part.value);
      await download.done;
      const whole = await to.close();
      if (whole) send("download", whole, file.name.split("/").pop());
      progress.end(row);
    } catch (error) {
      download?.cancel();
      await to?.abort().catch(() => {});
      progress.end(row, cancelled ? { code: "cancelled" } : error);
    }
  }

  return {
    add(nick, files, target) {
      for (const file of files) {
        jobs.push({ nick, file, target });
        bytes += file.size;
      }
      held = "";
      run();
    },
    again(job) {
      if (job) put(job);
      held = "";
      run();
    },
    resume() {
      held = "";
      run();
    },
    drop() {
      era++;
      jobs = [];
      bytes = 0;
      held = "";
      progress.touch();
    },
    /** How many wait, of how many bytes, and why. */
    state: () => [jobs.length, bytes, held],
  };
}
