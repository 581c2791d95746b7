import { Download } from "./download.js";
import { misuse } from "./error.js";
import { shown } from "./shown.js";

/**
 * Returns the downloads of a list, which fails with `misuse` if it is none.
 *
 * @param {any} downloads
 * @returns {Download[]}
 */
export function listed(downloads) {
  const isList = typeof downloads === "object" && typeof downloads?.[Symbol.iterator] === "function";
  const all = isList ? [...downloads] : [];
  if (!isList || !all.every((one) => one instanceof Download)) throw noDownloads(downloads);
  return all;
}

/** @param {unknown} given */
export const noDownloads = (given) =>
  misuse(`the downloads are ${shown(given)}: give what session.get, session.getAll or offer.accept returned`);
