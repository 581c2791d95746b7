/** The icon of the tab, with a ring that shows how far the transfers are. */
import { element } from "./element.js";

const SIZE = 32;
const RADIUS = 13;

const link = document.querySelector('link[rel="icon"]');
const still = link?.href;
let drawn;

/** Shows a fraction from 0 to 1, or the page's own icon. */
export function show(fraction) {
  const step = fraction === undefined ? undefined : Math.round(fraction * 20) / 20;
  if (!link || step === drawn) return;
  drawn = step;
  // Some browsers take notice of a new element only.
  const fresh = element("link", { rel: "icon", href: step === undefined ? still : ring(step) });
  document.querySelector('link[rel="icon"]').replaceWith(fresh);
}

function ring(fraction) {
  const around = 2 * Math.PI * RADIUS;
  const circle = (color, length) =>
    `<circle cx="16" cy="16" r="${RADIUS}" fill="none" stroke="${color}" stroke-width="6" ` +
    `stroke-dasharray="${length} ${around}" transform="rotate(-90 16 16)"/>`;
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE} ${SIZE}">` +
    `${circle("#8a9a96", around)}${circle("#0b6e64", fraction * around)}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
