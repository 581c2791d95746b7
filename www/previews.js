/**
 * Small pictures of shared ones. Only this user's own files are decoded, one at a time and small; as canvases, which
 * need no URL that another page or the policy would know of. Loaded only when a picture is shared.
 */
import { element } from "./element.js";

/** Formats of pixels that browsers decode: a drawing could load something else. */
const TYPES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"]);
/** The most previews, and the largest file of one in bytes. */
const MAX_PREVIEWS = 60;
const MAX_FILE_LEN = 64 << 20;
/** Width and height in pixels, for screens with twice as many as they say. */
const SIDE = 88;

/** Canvases by file: a list that is drawn again shows the same. */
const made = new Map();
let turn = Promise.resolve();

export const isPicture = ({ type, size }) => TYPES.has(type) && size <= MAX_FILE_LEN;

/** Shows a preview of a picture in this element, if its bytes are one. */
export function preview(file, into) {
  if (!made.has(file)) {
    if (made.size === MAX_PREVIEWS) return;
    made.set(file, element("canvas", { width: SIDE, height: SIDE, ariaHidden: "true" }));
    const canvas = made.get(file);
    turn = turn.then(() => made.has(file) && draw(file, canvas)).catch(() => canvas.remove());
  }
  into.append(made.get(file));
}

/** Frees the previews of files that are not shared any more. */
export function keep(files) {
  for (const file of made.keys()) if (!files.has(file)) made.delete(file);
}

async function draw(file, canvas) {
  const whole = await createImageBitmap(file, { resizeHeight: 2 * SIDE, resizeQuality: "medium" });
  // The middle of it, as a square.
  const side = Math.min(whole.width, whole.height);
  const at = [(whole.width - side) / 2, (whole.height - side) / 2];
  canvas.getContext("2d").drawImage(whole, ...at, side, side, 0, 0, SIDE, SIDE);
  whole.close();
  canvas.dataset.drawn = "";
}
