import { blob, count, flag, optional, text, waitOptions } from "./arguments.js";
import { misuse } from "./error.js";
import { shown } from "./shown.js";

/**
 * Checks the options of downloads.
 *
 * @param {import("./index.js").DownloadOptions & { partial?: Blob }} [options]
 */
export function downloadOptions(options) {
  const { confirm, partial } = optional(options);
  return {
    ...waitOptions(options),
    confirm: flag("confirm", confirm),
    partial: partial === undefined ? undefined : blob("`partial`", partial),
  };
}

/**
 * Checks a file to request.
 *
 * @template {import("./index.js").RemoteFile} T
 * @param {T} file
 * @returns {T}
 */
export function remoteFile(file) {
  if (typeof file !== "object" || file === null) throw misuse(`the file is ${shown(file)}: give a name, or a file of a listing`);
  text("the name of the file", file.name);
  count("size", file.size);
  return file;
}
