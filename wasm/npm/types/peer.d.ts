import type { Content, EmptyFolder, Named, Share } from "./bytes.js";
import type { XcherError } from "./errors.js";
import type { Offer, Offering } from "./offers.js";
import type { ConnectOptions, KnownPeers, SendOptions, WaitOptions, keptPeers } from "./options.js";
import type { ListenerOptions } from "./progress.js";
import type { Sending } from "./sending.js";
import type { Session } from "./session.js";
import type { Upload } from "./transfers.js";

/** The events of a {@link Peer}, by their types. */
export interface PeerEventMap {
  /** The peer is online at the relay again, after `offline`, or by another connection before the relay stops. */
  online: PeerEvent & { readonly nick: string };
  /**
   * The bridge or the relay cannot be reached. `retryIn` is the time until the next attempt, in milliseconds;
   * `undefined` if there will be none.
   */
  offline: PeerEvent & { readonly error: XcherError; readonly retryIn?: number };
  /** With `calls: "ask"`: a host calls. */
  call: PeerEvent & { readonly call: Call };
  /** A host has connected. */
  session: PeerEvent & { readonly session: Session };
  /**
   * A session that this peer called for has another connection, because the first one to arrive was not the
   * callee's. All properties of the session and its safety words have changed.
   */
  change: PeerEvent & { readonly session: Session };
  /** Files of a session take another way from now on: {@link Session.way}. */
  way: PeerEvent & { readonly session: Session };
  /**
   * A call was refused: the address is not allowed, the caller could not be reached, its key is not the
   * pinned one (`other-key`), or its code is wrong (`wrong-code`).
   */
  refused: PeerEvent & {
    readonly address: string;
    readonly nick?: string;
    readonly error: XcherError;
  };
  /** The other host fetches a shared file. */
  upload: PeerEvent & { readonly upload: Upload };
  /** The other host offers files. If no listener reads `offer`, the offer is declined. */
  offer: PeerEvent & { readonly offer: Offer };
  /** Information for a log, such as a skipped entry of a listing. */
  notice: PeerEvent & { readonly text: string };
  /** `close` has finished. */
  close: PeerEvent;
}

/** An event of a {@link Peer}. */
export interface PeerEvent extends Event {}

/** A host at a relay. */
export class Peer extends EventTarget {
  private constructor();
  /**
   * Goes online through a bridge. `url` is that of its page (`https://relay.example/`, also below a path), that of its
   * WebSocket (`wss://relay.example/xcher`), or `HOST:PORT`, where the port is the bridge's and not the relay's own: 9248
   * and not 9247, unless its operator chose others. A lost connection is reopened automatically: after 1 s, then after twice as long each time, up to
   * 30 s.
   *
   * @throws XcherError `unreachable`, `timed-out`, `nick-taken`, `policy`, `cancelled`, `misuse`,
   * `unsupported`
   */
  static connect(url: string | URL, options: ConnectOptions): Promise<Peer>;
  /**
   * Shares files with anyone who proves to know a new code, from a peer of its own, until one receiver has
   * all files that it wants. The code expires after ten wrong attempts. The receiver calls `peer.open(code)`, runs
   * `xcher get CODE`, or opens the link. `signal` stops it at any time.
   *
   * @throws XcherError those of {@link Peer.connect}; `policy` for a name that cannot be shared
   */
  static send(
    url: string | URL,
    files: Iterable<Named>,
    options?: SendOptions,
  ): Promise<Sending>;
  /** The nick, as the relay spells it. */
  readonly nick: string;
  /** This peer's public key in base64; empty with `privacy: "plain"`. */
  readonly key: string;
  readonly online: boolean;
  /** The open sessions. */
  readonly sessions: ReadonlySet<Session>;
  /**
   * Lists the nicks that are online, including this peer's.
   *
   * It waits for 30 000 ms by default and at most.
   *
   * @throws XcherError `unreachable`, `timed-out`, `cancelled`, `misuse`
   */
  who(options?: WaitOptions): Promise<string[]>;
  /**
   * Shares a file under `name` (`/` between folders), by default its own: `webkitRelativePath` or `name`. It
   * is read piece by piece when another host fetches it. The modification time of a `File` is sent with it. `{ folder }` is
   * an empty folder; those with files need not be shared themselves.
   *
   * @throws XcherError `policy` for a name that cannot be shared; `misuse` for one that is taken
   */
  share(file: Content, name?: string): Share;
  share(folder: EmptyFolder): Share;
  /**
   * Calls a nick, or the host with a code such as `4821-crossover-clockwork-universe`, and waits for the
   * session: for `timeout` milliseconds, 30 000 by default and at most.
   *
   * @throws XcherError `refused` if the host declined the call, `unreachable`, `timed-out`, `other-key`, `not-private`, `wrong-code`, `altered`,
   * `policy`, `cancelled`, `misuse`
   */
  open(nick: string, options?: WaitOptions): Promise<Session>;
  /**
   * Calls `nick` and offers files, as {@link Session.offer} does. The session stays open: end it afterwards. `timeout`
   * limits the call; `signal` ends the offer at any time, with its session.
   *
   * @throws XcherError those of {@link Peer.open} and {@link Session.offer}
   */
  offer(nick: string, files: Iterable<Named>, options?: WaitOptions): Promise<Offering>;
  /**
   * Loops over the offers that arrive from this call on, until the peer closes. Up to 64 wait for the loop, those beyond
   * are declined, and so are all that wait when the loop is left.
   *
   * @throws XcherError `cancelled` once `signal` is aborted
   */
  offers(options?: { signal?: AbortSignal }): AsyncIterableIterator<Offer>;
  /**
   * Loops over the sessions for which other hosts called: those that are open, then those that follow, until the peer
   * closes. Up to 64 wait for the loop; those beyond are rejected, and so are all that wait when the loop is left.
   *
   * @throws XcherError `cancelled` once `signal` is aborted
   */
  incoming(options?: { signal?: AbortSignal }): AsyncIterableIterator<Session>;
  /**
   * Loops over events from this call on, by default all but `close`, at which it ends. Up to 1024 wait for the loop. If
   * there are more, it fails after those: an event is never lost unnoticed. Offers and calls that nothing takes are declined.
   *
   * @throws XcherError `local` if the loop is too slow; `cancelled` once `signal` is aborted
   */
  events<K extends Exclude<keyof PeerEventMap, "close"> = Exclude<keyof PeerEventMap, "close">>(
    types?: readonly K[],
    options?: { signal?: AbortSignal },
  ): AsyncIterableIterator<{ [Type in K]: PeerEventMap[Type] & { readonly type: Type } }[K]>;
  /** Ends every session and goes offline. Transfers under way fail. */
  close(): Promise<void>;
  /** Closes the peer at the end of a block with `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
  addEventListener<K extends keyof PeerEventMap>(
    type: K,
    listener: (event: PeerEventMap[K]) => void,
    options?: boolean | ListenerOptions,
  ): void;
  removeEventListener<K extends keyof PeerEventMap>(
    type: K,
    listener: (event: PeerEventMap[K]) => void,
    options?: boolean | { capture?: boolean },
  ): void;
}

/** An incoming call. */
export interface Call {
  /** The address at which the caller listens: `ip:port`. */
  readonly peerAddress: string;
  /** The caller's nick, according to the relay. */
  readonly nick?: string;
  /** Resolves once it is answered, or can no longer be: a caller waits for 30 s. */
  readonly over: Promise<void>;
  /** @throws XcherError those of {@link Peer.open} */
  accept(options?: WaitOptions): Promise<Session>;
  /** Declines it. Where both hosts and the relay support it, the caller's `open` rejects with `refused` at once. */
  reject(): void;
}
