import { readFileSync } from "node:fs";

const DRAWING = new URL("../../../www/icon.svg", import.meta.url);

/** The icons of the installed page, by their file. A maskable one fills its square: the system cuts its shape. */
export const ICONS = { "192.png": { size: 192 }, "512.png": { size: 512 }, "maskable.png": { size: 512, isMaskable: true } };

/** Draws an icon from the page's own, `www/icon.svg`. Returns a PNG. */
export async function drawn(page, { size, isMaskable }) {
  const svg = readFileSync(DRAWING, "utf8");
  const corners = / rx="\d+"/;
  if (!corners.test(svg)) throw new Error("expected a rectangle with round corners in www/icon.svg");
  await page.setViewport({ width: size, height: size });
  const style = `<style>body { margin: 0 } svg { display: block; width: ${size}px }</style>`;
  await page.setContent(style + (isMaskable ? svg.replace(corners, "") : svg));
  return page.screenshot({ omitBackground: true });
}
