import { Download } from "./download.js";
import { listed, noDownloads } from "./download_list.js";
import { XcherError, asError } from "./error.js";
import { numbered } from "./pkg/xcher.js";

/** The earliest time that a zip archive can tell. */
const MIN_MODIFIED = Date.UTC(1980, 0, 2);

/**
 * @param {Download | Iterable<Download>} downloads
 * @returns {Promise<ReadableStream<Uint8Array>>}
 */
export async function toZip(downloads) {
  const all = downloads instanceof Download ? [downloads] : listed(downloads);
  if (!all.length) throw noDownloads(downloads);
  const { makeZip } = await archiver();
  // None of the files is of use before the archive is complete.
  const reports = all.map(Download.takeOver);
  return guarded(makeZip(entries(all)).getReader(), all, () => reports.forEach((report) => report()));
}

async function archiver() {
  try {
    return await import("client-zip");
  } catch (error) {
    const how = "install it (npm install client-zip), or map it in the page's import map";
    throw new XcherError("unsupported", `toZip needs the package client-zip, which could not be loaded: ${how}`, error);
  }
}

/** @param {Download[]} downloads */
async function* entries(downloads) {
  const taken = new Set();
  for (const download of downloads) {
    // The size is known from then on, and the name is one that cannot leave the folder of who unpacks it.
    await download.start();
    let name = download.name;
    for (let number = 1; taken.has(name); number += 1) name = numbered(download.name, number);
    taken.add(name);
    const modified = Math.max(download.modified ?? Date.now(), MIN_MODIFIED);
    if (download.folder) {
      await download.readable.pipeTo(new WritableStream());
      yield { name: `${name}/`, lastModified: modified };
    } else yield { name, input: download.readable, lastModified: modified };
    // The next entry is wanted only once this one was read to its end: its bytes are held, and later files need not wait.
    download.defer();
  }
}

/**
 * Returns the archive as a stream, whose end, failure or cancellation is that of its downloads.
 *
 * @param {ReadableStreamDefaultReader<Uint8Array>} reader
 * @param {Download[]} downloads
 * @param {() => void} complete called once everything was read
 * @returns {ReadableStream<Uint8Array>}
 */
function guarded(reader, downloads, complete) {
  const cancelAll = () => {
    for (const download of downloads) download.cancel();
  };
  return new ReadableStream(
    {
      async pull(out) {
        try {
          const { value, done } = await reader.read();
          if (!done) return out.enqueue(value);
          complete();
          out.close();
        } catch (error) {
          cancelAll();
          throw asError(error, "incomplete");
        }
      },
      async cancel(why) {
        cancelAll();
        await reader.cancel(why).catch(() => {});
      },
    },
    { highWaterMark: 0 },
  );
}
