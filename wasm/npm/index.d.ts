/**
 * XCHER: exchange files with a peer by nick or code, from a browser or Node.
 *
 * A peer connects to one bridge (`xcher relay`, `xcher up`), which provides the TCP connections that a page
 * cannot open. It works with every XCHER host, including hosts that implement only the base protocol.
 *
 * Sizes are in bytes and times in milliseconds unless stated otherwise.
 */

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
  readonly name: "XcherError";
  readonly code: ErrorCode;
}

export interface ConnectOptions extends SendOptions {
  /** The nick at the relay: 1 to 32 characters without white space. Of several, the first that is free. */
  nick: string | readonly string[];
  /**
   * The answer to calls: accept them (`take`, the default), emit `call`, or reject them. Where both hosts and the
   * relay support it, a caller learns at once that it was rejected.
   */
  calls?: "take" | "ask" | "ignore";
}

export interface SendOptions {
  /** The bridge's token, if it requires one. */
  token?: string;
  /** The WebSocket class; by default the global one. Node 20 has none: pass that of the package `ws`. */
  WebSocket?: unknown;
  /**
   * Encryption of sessions: if both sides support it (`prefer`, the default), always (`require`), or never
   * (`plain`). A session with a peer whose key is pinned is encrypted or fails, except with `plain`.
   */
  privacy?: "prefer" | "require" | "plain";
  /**
   * The long-term secret, from which the public key is derived: 32 bytes from `crypto.getRandomValues`. By
   * default a browser creates one at first use and keeps it for its origin; elsewhere it lasts as long as the
   * peer.
   */
  identity?: Uint8Array;
  /** The store of pinned keys: by default {@link keptPeers} in a browser, elsewhere the peer's memory. */
  knownPeers?: KnownPeers;
  /** Aborts connecting. */
  signal?: AbortSignal;
  /** Time to wait for the bridge and the relay, in milliseconds; 30 000 by default. */
  timeout?: number;
  /** The wasm module, if it is not beside the package: for bundlers that move it. */
  wasm?: string | URL | WebAssembly.Module | BufferSource;
}

/**
 * A store of pinned keys. The key of a nick is pinned the first time that this peer calls it; from then on
 * another key, or an unencrypted session, is refused. `relay` is the host (and port) in the bridge's URL;
 * keys are in base64.
 */
export interface KnownPeers {
  /** Returns the pinned key, if any. Called before every session, whichever side calls. */
  get(nick: string, relay: string): string | undefined | PromiseLike<string | undefined>;
  /** Pins a key. */
  pin(nick: string, relay: string, key: string): unknown;
}

/** A peer whose key is pinned. */
export interface KnownPeer {
  readonly nick: string;
  readonly relay: string;
  readonly key: string;
}

/** The keys that a browser has pinned for this origin, in IndexedDB. */
export const keptPeers: KnownPeers & {
  get(nick: string, relay: string): Promise<string | undefined>;
  pin(nick: string, relay: string, key: string): Promise<void>;
  /** Removes a pin: the next key of this nick is pinned as the first. */
  forget(nick: string, relay: string): Promise<void>;
  list(): Promise<KnownPeer[]>;
};

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

export interface PeerEvent extends Event {}

/** A host at a relay. */
export class Peer extends EventTarget {
  private constructor();
  /**
   * Goes online through the bridge at `url` (`wss://…/xcher` or `ws://…/xcher`; `https` and `http` stand for
   * them). A lost connection is reopened automatically: after 1 s, then after twice as long each time, up to
   * 30 s.
   *
   * @throws XcherError `unreachable`, `timed-out`, `nick-taken`, `policy`, `cancelled`, `misuse`,
   * `unsupported`
   */
  static connect(url: string | URL, options: ConnectOptions): Promise<Peer>;
  /**
   * Shares files with anyone who proves to know a new code, from a peer of its own, until one receiver has
   * all files that it wants. The code expires after ten wrong attempts. The receiver calls `peer.open(code)`,
   * runs
   * `xcher get CODE`, or opens the link.
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
   * @throws XcherError `unreachable`, `timed-out`, `misuse`
   */
  who(): Promise<string[]>;
  /**
   * Shares a file under `name` (`/` between folders), by default its own: `webkitRelativePath` or `name`. It
   * is read piece by piece when another host fetches it. The modification time of a `File` is sent with it.
   *
   * @throws XcherError `policy` for a name that cannot be shared; `misuse` for one that is taken
   */
  share(file: Blob, name?: string): Share;
  /**
   * Calls a nick, or the host with a code such as `4821-crossover-clockwork-universe`, and waits for the
   * session: for `timeout` milliseconds, 30 000 by default and at most.
   *
   * @throws XcherError `refused` if the host declined the call, `unreachable`, `timed-out`, `other-key`,
   * `not-private`, `wrong-code`, `altered`, `policy`, `cancelled`, `misuse`
   */
  open(nick: string, options?: { signal?: AbortSignal; timeout?: number }): Promise<Session>;
  /**
   * Calls `nick` and offers files, as {@link Session.offer} does. The session stays open: end it afterwards.
   *
   * @throws XcherError those of {@link Peer.open} and {@link Session.offer}
   */
  offer(
    nick: string,
    files: Iterable<Named>,
    options?: { signal?: AbortSignal; timeout?: number },
  ): Promise<Offering>;
  /** Ends every session and goes offline. */
  close(): Promise<void>;
  addEventListener<K extends keyof PeerEventMap>(
    type: K,
    listener: (event: PeerEventMap[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof PeerEventMap>(
    type: K,
    listener: (event: PeerEventMap[K]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
}

/**
 * A file under its own name (`webkitRelativePath` or `name`), or under another; or a text for the other host's
 * user, of at most 64 KiB in UTF-8. A host that does not know texts gets `message.txt`.
 */
export type Named = Blob | { readonly file: Blob; readonly name: string } | { readonly text: string };

/** A file that this peer shares. */
export interface Share {
  readonly name: string;
  readonly size: number;
  /** Stops sharing it. Transfers under way continue. */
  stop(): void;
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
  accept(): Promise<Session>;
  /** Declines it. Where both hosts and the relay support it, the caller's `open` rejects with `refused` at once. */
  reject(): void;
}

/** A file as the other host lists it. */
export interface RemoteFile {
  readonly name: string;
  /** The size; an approximate one may be rounded down, and is 0 if nothing is known. */
  readonly size: number;
  /** True if the other host rounds its sizes, as in `700mb`. */
  readonly approximate: boolean;
  /** The modification time in milliseconds since 1970, to the second, if known. */
  readonly modified?: number;
  /** True if it is an executable program, if known. */
  readonly executable?: boolean;
  /**
   * True if the other host sent it as a text, to be shown to the user: at most 64 KiB. {@link Download.text}
   * reads it.
   */
  readonly text?: boolean;
}

/** A session with another host. Both sides can list and fetch. */
export interface Session {
  /** The other end of the control connection: `ip:port`. */
  readonly peerAddress: string;
  /** The nick that was called, or the caller's according to the relay. */
  readonly nick?: string;
  /** True if the other host called. */
  readonly incoming: boolean;
  /** True if the session is encrypted: only the two sides can read what is sent. */
  readonly secure: boolean;
  /**
   * Why it is unencrypted: an option of this peer disables encryption (`here`), or the other host does not
   * support it (`there`).
   */
  readonly whyPlain?: "here" | "there";
  /** The key that the other host proved to hold, in base64; `undefined` in an unencrypted session. */
  readonly peerKey?: string;
  /**
   * The status of that key: it is the pinned one (`pinned`), it was pinned just now as the first of its
   * nick (`first`), its holder knows the code (`code`), or it is not pinned, because the other host called
   * (`no`).
   */
  readonly known?: "pinned" | "first" | "code" | "no";
  /**
   * Three words that both sides see unless the session is intercepted: users compare them by voice. Rejects
   * in an unencrypted session (`not-private`), or if the session ends before.
   */
  readonly safetyWords: Promise<string>;
  /**
   * Resolves when the session has ended: to `undefined` if in order, otherwise to the reason. Never rejects.
   */
  readonly closed: Promise<XcherError | undefined>;
  /**
   * Lists the files that the other host shares, as they arrive. A slow loop slows the other host down.
   * Entries with names that no host accepts are skipped. Only one listing runs at a time.
   *
   * @throws XcherError `misuse` if another listing runs or the session has ended; the reason if it ends
   */
  list(): AsyncIterableIterator<RemoteFile>;
  /** Asks whether the other host shares `name`. @throws XcherError those of {@link Session.list} */
  check(name: string): Promise<boolean>;
  /**
   * Requests a file, once its `readable` is read. A file from a listing is requested as it was listed; a name
   * alone is looked up in the listing first.
   *
   * `partial` has the first bytes of the file, received earlier from a peer with this `peerKey`. In an encrypted
   * session the other host compares them with its own and sends the rest. It may send the complete file instead:
   * {@link Download.start} says at which position the received bytes begin.
   */
  get(file: string | RemoteFile, options?: { partial?: Blob } & StoreOptions): Download;
  /**
   * Requests up to 1024 files at once. Those of up to 256 KiB are sent as batches if the other host supports
   * that, without a round trip for each. Their bytes are held in memory until they are read: up to 16 MiB of
   * the files of batches. Read or store the downloads in order, or all at once: later ones may wait until
   * those before are stored or cancelled.
   *
   * Announces their number and size to the other host, unless {@link want} was called.
   */
  getAll(files: readonly RemoteFile[], options?: StoreOptions): Download[];
  /**
   * Announces to a host that sends by a code how many files, and bytes in them, this peer wants in this
   * session, and how many of these files it has already and will not request. The numbers of several calls
   * add up. The sender then considers its files delivered only once so many are stored, instead of as soon as
   * those requested so far are. For an application that requests files one by one: call it once the choice is
   * made, and count each file once.
   *
   * @throws XcherError `misuse` if the session has ended
   */
  want(what: { files?: number; bytes?: number; here?: number }): void;
  /**
   * Offers files to the other host, which may fetch or decline each of them. They are shared with it alone,
   * until the session ends. In an unencrypted session nothing is offered: `done` rejects with `not-private`.
   *
   * @throws XcherError `misuse` without files, or for a name that is offered already; `policy` for a name
   *   that cannot be shared
   */
  offer(files: Iterable<Named>): Offering;
  /** Ends the session in order, and resolves once it has ended. Transfers under way continue. */
  end(): Promise<void>;
  /** Ends the session and all its transfers at once. */
  reject(): void;
}

/** Files that the other host offers. None is sent before it is accepted. */
export interface Offer {
  readonly session: Session;
  /**
   * The files: at most 100 000 in all undecided offers of a session; those beyond are declined. A session in
   * which more than 200 000 are declined is ended.
   */
  readonly files: readonly RemoteFile[];
  /** The size of all files together. */
  readonly size: number;
  /**
   * Accepts the files with these names, or all of them, and declines the others. Each download starts when
   * its
   * `readable` is read; `session.get(file)` fetches an accepted file, too.
   *
   * @throws XcherError `misuse` for a name that is not offered, or if the offer is decided already
   */
  accept(names?: Iterable<string>, options?: StoreOptions): Download[];
  /** Declines all files, unless the offer is decided already. */
  decline(): void;
}

/** Files that this peer offers. */
export interface Offering {
  readonly session: Session;
  readonly files: readonly { readonly name: string; readonly size: number }[];
  /** Files that the other host has confirmed as stored. */
  readonly stored: number;
  /** Files that were sent completely to a host that does not confirm. */
  readonly handedOver: number;
  /** Both together. */
  readonly sent: number;
  /** Files that the other host declined. */
  readonly declined: number;
  /** Files that the other host wanted and, as far as is known, does not have. It may request them again. */
  readonly failed: number;
  /** The failed files by name, at most 10 000; complete once `done` is settled. */
  readonly missing: readonly Missing[];
  /**
   * Fulfilled once every file is stored, handed over, declined or failed. Rejects if the session ends before
   * that, and with `refused` if the other host does not support offers.
   */
  readonly done: Promise<void>;
}

/** A file that the other host wanted and does not have. */
export interface Missing {
  readonly name: string;
  /** The reason in words, to be shown. */
  readonly reason: string;
}

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

export interface SendingEventMap {
  /**
   * A receiver left without all files that it wanted. `missing` names them, at most 10 000; `missingCount` is
   * their number, including those that were announced and never requested. The code stays valid, and the
   * receiver can come back for the rest.
   */
  incomplete: Event &
    Sent & { readonly missing: readonly Missing[]; readonly missingCount: number };
}

/** Files for anyone with a code. */
export interface Sending {
  addEventListener<K extends keyof SendingEventMap>(
    type: K,
    listener: (event: SendingEventMap[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof SendingEventMap>(
    type: K,
    listener: (event: SendingEventMap[K]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  /** The code to pass on, such as `4821-crossover-clockwork-universe`. */
  readonly code: string;
  /** The peer that sends: its events report connections, uploads and wrong codes. */
  readonly peer: Peer;
  readonly files: readonly { readonly name: string; readonly size: number }[];
  /** Returns a link to a bridge's page, with the code after `#`, which browsers send to no server. */
  link(page: string | URL): string;
  /**
   * Fulfilled once a receiver has left with everything that it wanted; `incomplete` reports receivers that
   * left without. Rejects with `refused` if a receiver took no files, `wrong-code` if the code has expired,
   * `nick-taken` if the relay gave its nick away while this peer was offline, and `cancelled`.
   */
  readonly done: Promise<Sent>;
  /** Stops sending: the code becomes invalid. */
  stop(): Promise<void>;
}

/** The reason why a file is not stored here, as reported to the other host. */
export type NotStored =
  /** Not enough space. */
  | "space"
  /** No permission to write it. */
  | "denied"
  /** The name is taken, and the existing file stays. */
  | "exists"
  /** The name cannot be used here. */
  | "name"
  /** Its bytes were changed on the way. */
  | "altered"
  /** It did not arrive completely. */
  | "incomplete"
  /** The user cancelled it. */
  | "cancelled"
  /** It is larger than the user allows. */
  | "large"
  | "other";

export interface StoreOptions {
  /**
   * True if the application reports when a file is stored: {@link Download.stored},
   * {@link Download.notStored}. By default it counts as stored, and the other host learns so, once `readable` was
   * read to its end: enough for
   * `pipeTo` into a sink that stores each chunk before it takes the next.
   */
  confirm?: boolean;
}

/** A file being received. */
export interface Download {
  readonly name: string;
  /** The announced size; `undefined` until known. */
  readonly size: number | undefined;
  /** Bytes received so far, without those of `partial`. */
  readonly received: number;
  /**
   * True once it is complete and its BLAKE3 digest matches: in an encrypted session with a peer that sends
   * digests.
   */
  readonly verified: boolean;
  /**
   * The bytes. They arrive no faster than they are read. The stream closes only if the file is complete, and
   * errors otherwise. Nothing is requested before it is read, or {@link start} is called.
   */
  readonly readable: ReadableStream<Uint8Array>;
  /**
   * Requests the file now. Resolves to the position in the file at which `readable` begins: the length of
   * `partial` if the file begins with it, otherwise **0**. Then the complete file follows: discard what you
   * have. With
   * `partial`, call it before you read `readable`.
   */
  start(): Promise<number>;
  /**
   * Reads all of it as a text of at most 64 KiB, instead of `readable`. The text is the other user's: show it as
   * plain text, never as markup. Without `confirm` it counts as stored once this resolves.
   *
   * @throws XcherError `local` if it is not UTF-8 or is longer, which the other host learns; those of `done`
   */
  text(): Promise<string>;
  /**
   * Fulfilled once the file is complete and `readable` was read to its end, and, with `confirm`,
   * {@link stored} was called. The other host learns then that the file is stored.
   */
  readonly done: Promise<void>;
  /**
   * With `confirm`: reports that the bytes are safe, such as written and closed. Call it once `readable` has
   * ended.
   *
   * @throws XcherError `misuse` if it has not ended, or without `confirm`
   */
  stored(): void;
  /**
   * Reports that the file cannot be stored. The other host learns why, and `done` rejects with `local` and
   * `message`. It can be called at any time; once the download is settled it has no effect.
   *
   * @throws XcherError `misuse` for an unknown reason
   */
  notStored(reason?: NotStored, message?: string): void;
  /** Cancels it, and tells the other host that the user did. Cancelling `readable` does the same. */
  cancel(): void;
}

/** A file or batch being sent. */
export interface Upload {
  readonly session: Session;
  /** The name; of a batch, that of its first file. */
  readonly name: string;
  /** The size; of a batch, that of all its files. */
  readonly size: number;
  /** Other files of the batch. */
  readonly more: number;
  /** Bytes at the beginning that the other host had already. */
  readonly from: number;
  /** Bytes sent so far, including those before `from`. */
  readonly sent: number;
  /** Fulfilled once every byte is sent; `Offering` and `Sending` say whether they are stored. */
  readonly done: Promise<void>;
  cancel(): void;
}

/**
 * Returns a QR code of a text for an SVG of `viewBox="0 0 ${size} ${size}"`: `path` covers the dark modules,
 * on a light background; the margin is included. `undefined` for a text of more than 271 bytes. `wasm` as in
 * {@link SendOptions}.
 */
export function qr(
  text: string,
  wasm?: SendOptions["wasm"],
): Promise<{ size: number; path: string } | undefined>;

/**
 * Returns true if a text is meant as a code rather than a nick, valid or not: digits, then letters after a
 * dash or a space. `wasm` as in {@link SendOptions}.
 */
export function isCode(text: string, wasm?: SendOptions["wasm"]): Promise<boolean>;

/**
 * Returns true if a nick belongs to a code and is used once: digits alone. `wasm` as in {@link SendOptions}.
 */
export function isOneTimeNick(nick: string, wasm?: SendOptions["wasm"]): Promise<boolean>;

/**
 * Returns the name to try where `name` is taken, for `number` 1, 2 and so on: `song (1).mp3` for `song.mp3`.
 * The result is no longer than a name can be. `wasm` as in {@link SendOptions}.
 */
export function numbered(name: string, number: number, wasm?: SendOptions["wasm"]): Promise<string>;

/** The version of this package. */
export const version: string;
