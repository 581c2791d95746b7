import type { Missing } from "./offers.js";
import type { Peer } from "./peer.js";
import type { ListenerOptions, ProgressEventMap } from "./progress.js";

/** The files that arrived at a receiver with a code. */
export interface Sent {
  /** Files that arrived. */
  readonly files: number;
  /** Bytes of these files. */
  readonly bytes: number;
  /** Files that the receiver had already. */
  readonly here: number;
  /** Those of `files` that were sent to a host that does not confirm; the others are stored. */
  readonly handedOver: number;
}

/** The events of a {@link Sending}, by their types. */
export interface SendingEventMap extends ProgressEventMap {
  /**
   * A receiver left without all files that it wanted. `missing` names them, at most 10 000; `missingCount` is
   * their number, including those that were announced and never requested. The code stays valid, and the
   * receiver can come back for the rest.
   */
  incomplete: Event &
    Sent & { readonly missing: readonly Missing[]; readonly missingCount: number };
}

/**
 * Files for anyone with a code. `progress` counts bytes that were sent to the latest receiver, of the size of all files: a
 * receiver may want fewer.
 */
export interface Sending {
  addEventListener<K extends keyof SendingEventMap>(
    type: K,
    listener: (event: SendingEventMap[K]) => void,
    options?: boolean | ListenerOptions,
  ): void;
  removeEventListener<K extends keyof SendingEventMap>(
    type: K,
    listener: (event: SendingEventMap[K]) => void,
    options?: boolean | { capture?: boolean },
  ): void;
  /** The code to pass on, such as `4821-crossover-clockwork-universe`. */
  readonly code: string;
  /** The peer that sends: its events report connections, uploads and wrong codes. */
  readonly peer: Peer;
  readonly files: readonly { readonly name: string; readonly size: number }[];
  /**
   * Returns a link to a bridge's page, by default that of the bridge in use, with the code after `#`, which browsers send to
   * no server.
   */
  link(page?: string | URL): string;
  /**
   * Fulfilled once a receiver has left with everything that it wanted; `incomplete` reports receivers that
   * left without. Rejects with `refused` if a receiver took no files, `wrong-code` if the code has expired,
   * `nick-taken` if the relay gave its nick away while this peer was offline, and `cancelled`.
   */
  readonly done: Promise<Sent>;
  /** Stops sending: the code becomes invalid. */
  stop(): Promise<void>;
  /** Stops sending at the end of a block with `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}
