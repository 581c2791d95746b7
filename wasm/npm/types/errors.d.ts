import type { KnownPeers } from "./options.js";

/** Identifies the kind of an error. Later versions may add codes; these keep their meaning. */
export type ErrorCode =
  /** The peer violated the protocol. */
  | "protocol"
  /** The peer refused: it declined the call, or the file is not shared or has changed since it was listed. */
  | "refused"
  /** Every requested nick is taken at the relay. */
  | "nick-taken"
  /** A transfer ended early, exceeded its announced size, or could not be sent completely. */
  | "incomplete"
  /** Encrypted data was changed on the way, by an attacker or by faulty hardware. */
  | "altered"
  /** The peer's key differs from the pinned one: see {@link KnownPeers}. */
  | "other-key"
  /** Encryption is required, and the peer does not support it. */
  | "not-private"
  /** The two sides use different codes, or the code has expired after ten wrong attempts. */
  | "wrong-code"
  /** No answer arrived in time. */
  | "timed-out"
  /** The bridge, the relay or the peer cannot be reached, or the connection was lost. */
  | "unreachable"
  /** A rule of this host, of the relay or of the bridge forbids it: an address, a name, a limit. */
  | "policy"
  /** This side failed: a file cannot be read, or a sink cannot be written. */
  | "local"
  /** The application ended it: by `cancel`, `end`, `close` or an aborted signal. */
  | "cancelled"
  /** The call is invalid in this state or with these arguments. */
  | "misuse"
  /** The environment lacks a feature, such as WebSocket in Node 20. */
  | "unsupported";

/** Every error of this package. `message` says what went wrong, and what to do next where that helps. */
export class XcherError extends Error {
  private constructor();
  readonly name: "XcherError";
  readonly code: ErrorCode;
  /** What led to it, if known: such as the `reason` of an aborted signal, or the error of a disk. */
  readonly cause?: unknown;
}
