/** Reads archives with a reader of another author: Python's. */
import { execFileSync } from "node:child_process";

const READ = `
import hashlib, json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    entries = []
    for entry in archive.infolist():
        digest = hashlib.sha256()
        with archive.open(entry) as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
        entries.append({"name": entry.filename, "size": entry.file_size, "hash": digest.hexdigest()})
print(json.dumps(entries))
`;
const TEXT = `
import sys, zipfile
sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))
`;

const python = (script, ...args) => execFileSync("python3", ["-c", script, ...args], { maxBuffer: 1 << 28 });

/** Returns the `{ name, size, hash }` of each file in an archive, sorted by name; checks all checksums. */
export function entries(path) {
  const found = JSON.parse(python(READ, path));
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Returns the text of a file in an archive. */
export const text = (path, name) => String(python(TEXT, path, name));

/** Returns what `entries` should find for these files. */
export const expected = (files) =>
  files.map(({ name, size, hash }) => ({ name, size, hash })).sort((a, b) => (a.name < b.name ? -1 : 1));
