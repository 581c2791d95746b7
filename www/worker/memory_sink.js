/** Files in the browser's memory: where its user lets a page store nothing. */
import { gathered } from "./gathered.js";

/** Bytes of a part: a browser may move a blob of this size to its disk. */
const PART_LEN = 1 << 22;

export function inMemory() {
  const parts = [];
  const close = () => new Blob(parts);
  return gathered(PART_LEN, {
    write: (bytes) => void parts.push(new Blob([bytes])),
    close,
    keep: () => ({ file: close(), release() {} }),
    abort: async () => void parts.splice(0),
  });
}
