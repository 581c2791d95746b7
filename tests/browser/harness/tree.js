import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { onExit } from "./exit_hooks.js";

/** Creates a folder that is removed when the test process exits. */
export function folder(name = "xcher-browser-") {
  const path = mkdtempSync(join(tmpdir(), name));
  onExit(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Names that a careless program mishandles, all valid by PROTOCOL.md, section 2.2. */
export const NAMES = {
  "notes.txt": 31,
  "empty.bin": 0,
  "two words and  two blanks.txt": 1_000,
  "sjö och skog – 走り 'quoted' & 100% #1.jpg": 300_001,
  "Привет.tar.gz": 65_536,
  "a YES": 77,
  [`${"long ".repeat(30)}name.bin`]: 4_097,
};

/** The same in folders. */
export const NESTED = {
  "photos/2026/sjö och skog.jpg": 70_000,
  "photos/2026/走り/video 1.mkv": 1_500_000,
  "photos/read me.txt": 12,
};

/**
 * Writes files of random content below `root`.
 *
 * @param {string} root
 * @param {Record<string, number>} sizes bytes by name
 * @returns {Promise<Tree>}
 */
export async function tree(root, sizes) {
  const files = [];
  for (const [name, size] of Object.entries(sizes)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    files.push({ name, path, size, hash: await write(path, size) });
  }
  return { root, files, paths: files.map((file) => file.path) };
}

/** Returns the SHA-256 digest of a file, read piece by piece. */
export async function hash(path) {
  const digest = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), digest);
  return digest.digest("hex");
}

/** Fails unless the file at `path` has the contents of `file`. */
export async function same(path, file) {
  const { size } = statSync(path);
  if (size !== file.size) throw new Error(`${path} has ${size} bytes instead of ${file.size}`);
  const got = await hash(path);
  if (got !== file.hash) throw new Error(`${path} differs from ${file.name}`);
}

/** Returns random bytes at the speed of the disk: a stream cipher over zeros. */
async function write(path, size) {
  const cipher = createCipheriv("aes-128-ctr", randomBytes(16), randomBytes(16));
  const digest = createHash("sha256");
  async function* bytes() {
    const zeros = Buffer.alloc(1 << 20);
    for (let left = size; left > 0; left -= zeros.length) {
      const piece = cipher.update(zeros.subarray(0, Math.min(left, zeros.length)));
      digest.update(piece);
      yield piece;
    }
  }
  await pipeline(bytes, createWriteStream(path));
  return digest.digest("hex");
}
