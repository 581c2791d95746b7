/** Why a file is not stored, for the other host. */

/** Reasons for the other host, by the code or name of an error. */
const REASONS = Object.entries({
  space: ["ENOSPC", "EDQUOT", "EFBIG", "QuotaExceededError"],
  denied: ["EACCES", "EPERM", "EROFS", "NotAllowedError", "NoModificationAllowedError", "SecurityError"],
  exists: ["EEXIST", "ENOTDIR", "EISDIR", "TypeMismatchError"],
  name: ["ENAMETOOLONG", "EINVAL", "EILSEQ"],
  incomplete: ["incomplete"],
  cancelled: ["cancelled", "AbortError"],
});

/** Returns the reason of an error of a disk, a browser's store or this package. @param {any} error */
export function notStoredReason(error) {
  const isNamed = (/** @type {string[]} */ names) => names.includes(error?.code) || names.includes(error?.name);
  const reason = REASONS.find(([, names]) => isNamed(names))?.[0] ?? "other";
  return /** @type {import("./index.js").NotStored} */ (reason);
}
