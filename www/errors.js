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
  // Those of the worker.
  offline: "error-offline",
  "too-many-files": "error-too-many-files",
};

/** Returns a sentence about `{ code, message }`, with the original message as detail where it tells more. */
export const explain = ({ code, message }) => say(TEXTS[code] ?? "error-other", { detail: detail(message) });

/** Returns a message without the end of a sentence, to be part of one. */
const detail = (message = "") => String(message).trim().replace(/[.\s]+$/, "");
