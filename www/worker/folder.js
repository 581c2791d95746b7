/** Files in a folder that the person chose (File System Access). */

/** Bytes that are written at once: each write is a message to another process. */
const GATHER = 1 << 20;

export async function inFolder(folder, name) {
  const parts = name.split("/");
  const last = parts.pop();
  for (const part of parts) folder = await folder.getDirectoryHandle(part, { create: true });
  const handle = await unused(folder, last);
  return written(handle, () => folder.removeEntry(handle.name));
}

export async function inFile(handle) {
  const empty = !(await handle.getFile()).size;
  return written(handle, () => empty && handle.remove?.());
}

/** Finding a name and taking it are two steps, so one at a time. */
let turn = Promise.resolve();

/** Makes an empty file under a name that nothing has: `notes.txt`, `notes (1).txt`, … */
function unused(folder, name) {
  const mine = turn.then(async () => {
    const dot = name.lastIndexOf(".");
    const [stem, end] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
    for (let n = 0, next = name; ; next = `${stem} (${++n})${end}`) {
      try {
        await folder.getFileHandle(next);
      } catch (error) {
        if (error.name === "NotFoundError") return folder.getFileHandle(next, { create: true });
        if (error.name !== "TypeMismatchError") throw error;
      }
    }
  });
  turn = mine.catch(() => {});
  return mine;
}

/** What is written has the name only once it is closed. */
async function written(handle, remove) {
  const out = await handle.createWritable().catch(async (error) => {
    await remove();
    throw error;
  });
  let gathered = [];
  let length = 0;
  const flush = async () => {
    const blob = new Blob(gathered);
    gathered = [];
    length = 0;
    await out.write(blob);
  };
  return {
    write(bytes) {
      gathered.push(bytes);
      length += bytes.length;
      if (length >= GATHER) return flush();
    },
    async close() {
      await flush();
      await out.close();
    },
    async abort() {
      await out.abort();
      await remove();
    },
  };
}
