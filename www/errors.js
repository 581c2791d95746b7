/** Words errors of the package in the language of the page, by their code. */
import { say } from "./language.js";

const TEXTS = {
  protocol: "error-protocol",
  refused: "error-refused",
  "nick-taken": "error-nick-taken",
  incomplete: "error-incomplete",
  altered: "error-altered",
  "other-key": "error-other-key",
  "not-private": "error-not-private",
  "wrong-code": "error-wrong-code",
  "timed-out": "error-timed-out",
  unreachable: "error-unreachable",
  policy: "error-policy",
  local: "error-local",
  cancelled: "error-cancelled",
  unsupported: "error-unsupported",
  // Those of the worker.
  offline: "error-offline",
  "call-declined": "error-call-declined",
  "too-many-files": "error-too-many-files",
  "nothing-arrived": "error-nothing-arrived",
  "no-folder": "error-no-folder",
  "other-origin": "error-other-origin",
  "running-already": "error-running-already",
  "partial-gone": "error-partial-gone",
  permission: "error-permission",
};

/** Why the other side does not have a file. */
const MISSING = {
  space: "missing-space",
  denied: "missing-denied",
  exists: "missing-exists",
  name: "missing-name",
  altered: "missing-altered",
  incomplete: "missing-incomplete",
  cancelled: "missing-cancelled",
  large: "missing-large",
  unsent: "missing-unsent",
  unconfirmed: "missing-unconfirmed",
};

/** Returns words about a file that the other side does not have, to follow its name. */
export const explainMissing = ({ code, reason }) => say(MISSING[code] ?? "missing-other", { detail: detail(reason) });

/** Returns the sentences of all errors by their codes, each with `{detail}`, for the worker, which words none. */
export const sentences = () =>
  Object.fromEntries([...Object.entries(TEXTS), ["", "error-other"]].map(([code, id]) => [code, say(id, { detail: "{detail}" })]));

/** Returns a sentence about `{ code, message }`, with the original message as detail where it tells more. */
export const explain = ({ code, message }) => say(TEXTS[code] ?? "error-other", { detail: detail(message) });

/** Returns a message without the end of a sentence, to be part of one. */
const detail = (message = "") => String(message).trim().replace(/[.\s]+$/, "");
