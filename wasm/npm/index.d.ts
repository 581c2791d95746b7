/**
 * XCHER: exchange files with someone by nick, from a browser or Node.
 *
 * A peer lives at one bridge (`xcher relay`, `xcher up`), which lends it the sockets that a page
 * cannot have. It works with every XCHER peer, and with those that know the six packets alone.
 */

/** What went wrong. New codes may come; these keep their meaning. */
export type ErrorCode =
  /** The other side broke the protocol. */
  | "protocol"
  /** The other side said NO: not shared, or no longer as it was listed. */
  | "refused"
  /** The relay gave none of the nicks asked for. */
  | "nick-taken"
  /** A file ended early, was longer than announced, or could not be sent whole. */
  | "incomplete"
  /** What came in private is not what was sent: someone on the way, or a machine, changed it. */
  | "altered"
  /** Someone else than before has this nick, or they have a new key: see {@link KnownPeers}. */
  | "other-key"
  /** It had to be private, and the other side speaks in the clear alone. */
  | "not-private"
  /** The two sides have different codes; or three who tried one had another, so that it is dead. */
  | "wrong-code"
  /** Nothing came in time. */
  | "timed-out"
  /** The bridge, the relay or the other side cannot be connected to, or the connection is gone. */
  | "unreachable"
  /** A rule of ours, of the relay or of the bridge forbids it: an address, a name, a limit. */
  | "policy"
  /** This side failed: a file that cannot be read, a sink that cannot be written. */
  | "local"
  /** Someone here ended it: `cancel`, `end`, `close`, an aborted signal. */
  | "cancelled"
  /** The call makes no sense now or with these arguments. */
  | "misuse"
  /** This environment lacks something, e.g. WebSocket in Node 20. */
  | "unsupported";

/** Every error of this package. `message` says what was expected and what came. */
export class XcherError extends Error {
  readonly name: "XcherError";
  readonly code: ErrorCode;
}

export interface ConnectOptions extends SendOptions {
  /** Who to be: 1 to 32 characters without white space. Several: the first that is free. */
  nick: string | readonly string[];
  /** What to do with calls; by default they are taken up. */
  calls?: "take" | "ask" | "ignore";
}

export interface SendOptions {
  /** The bridge's token, if it wants one. */
  token?: string;
  /** The WebSocket to use; by default the global one. Node 20 has none: pass that of `ws`. */
  WebSocket?: unknown;
  /**
   * Whether sessions are private: by default where both sides can (`prefer`), or `require`, or never
   * (`plain`). Someone whose key is pinned is never spoken to in the clear, unless with `plain`.
   */
  privacy?: "prefer" | "require" | "plain";
  /**
   * 32 secret bytes from `crypto.getRandomValues`, by which others know this peer again. By default a
   * browser makes them at first use and keeps them for its origin; elsewhere they last as long as the
   * peer.
   */
  identity?: Uint8Array;
  /** Where keys are pinned. By default {@link keptPeers} in a browser, elsewhere the peer's memory. */
  knownPeers?: KnownPeers;
  /** Gives up connecting. */
  signal?: AbortSignal;
  /** How long to wait for the bridge and the relay, in milliseconds; 30 000 by default. */
  timeout?: number;
  /** Where the wasm module is, if not beside the package: for bundlers that move it. */
  wasm?: string | URL | WebAssembly.Module | BufferSource;
}

/**
 * Whose key is which. A nick that we call is pinned when it is first seen; from then on nobody else
 * is taken for it, and nobody who speaks in the clear. `relay` is the bridge's host, keys are base64.
 */
export interface KnownPeers {
  /** The key that is pinned, if one is. It is asked before every call, whoever calls. */
  get(nick: string, relay: string): string | undefined | PromiseLike<string | undefined>;
  /** Pins it. */
  pin(nick: string, relay: string, key: string): unknown;
}

/** Someone whose key is pinned. */
export interface KnownPeer {
  readonly nick: string;
  readonly relay: string;
  readonly key: string;
}

/** The keys that a browser keeps for this origin, in IndexedDB. */
export const keptPeers: KnownPeers & {
  get(nick: string, relay: string): Promise<string | undefined>;
  pin(nick: string, relay: string, key: string): Promise<void>;
  /** The next key of this nick will be pinned as if it were the first. */
  forget(nick: string, relay: string): Promise<void>;
  list(): Promise<KnownPeer[]>;
};

export interface PeerEventMap {
  /** The relay knows us: again, after `offline`. */
  online: PeerEvent & { readonly nick: string };
  /** The bridge or the relay is gone. `retryIn`: milliseconds until it is tried again, if it is. */
  offline: PeerEvent & { readonly error: XcherError; readonly retryIn?: number };
  /** With `calls: "ask"`: someone wants a session. */
  call: PeerEvent & { readonly call: Call };
  /** Someone connected to us. */
  session: PeerEvent & { readonly session: Session };
  /**
   * Whom a session is with was found out anew: a stranger had come to our port first and said nothing.
   * All that it says of the other side, and its safety words, are others.
   */
  change: PeerEvent & { readonly session: Session };
  /**
   * A call was not taken up: by our address policy, because the caller could not be reached, or is
   * not who has this nick (`other-key`), or has another code than ours (`wrong-code`).
   */
  refused: PeerEvent & {
    readonly address: string;
    readonly nick?: string;
    readonly error: XcherError;
  };
  /** Someone fetches a file that we share. */
  upload: PeerEvent & { readonly upload: Upload };
  /**
   * Someone offers us files. An offer that no listener looks at is declined: where nobody can be
   * asked, nothing comes.
   */
  offer: PeerEvent & { readonly offer: Offer };
  /** Something odd that changes nothing: for a log. */
  notice: PeerEvent & { readonly text: string };
  /** `close` is done. */
  close: PeerEvent;
}

export interface PeerEvent extends Event {}

/** A host at a relay. */
export class Peer extends EventTarget {
  private constructor();
  /**
   * Goes online at the bridge `url` (`ws://…/xcher`, `wss://…/xcher`; `http` and `https` are taken
   * for them). A lost connection is made again by itself: after 1 s, then twice as long each time,
   * up to 30 s.
   *
   * @throws XcherError `unreachable`, `timed-out`, `nick-taken`, `policy`, `cancelled`, `misuse`,
   * `unsupported`
   */
  static connect(url: string | URL, options: ConnectOptions): Promise<Peer>;
  /**
   * Shares files with whoever proves to know a new code, from a peer of its own, until they have what
   * they want. Ten wrong tries end it. The other side calls `peer.open(code)`, runs `xcher get
   * CODE`, or opens the link.
   *
   * @throws XcherError as {@link Peer.connect}; `policy` for a name that cannot be shared
   */
  static send(
    url: string | URL,
    files: Iterable<Named>,
    options?: SendOptions,
  ): Promise<Sending>;
  /** As the relay spells it. */
  readonly nick: string;
  /** Our public key, by which others know us, in base64; empty with `privacy: "plain"`. */
  readonly key: string;
  readonly online: boolean;
  /** Sessions that are open. */
  readonly sessions: ReadonlySet<Session>;
  /** Who is online, ourselves included. */
  who(): Promise<string[]>;
  /**
   * Shares a file under `name` (`/` between folders), by default its own: `webkitRelativePath` or
   * `name`. It is read when someone fetches it, piece by piece. Of a `File`, the others are told
   * when it was last changed.
   *
   * @throws XcherError `policy` for a name that cannot be shared; `misuse` for one that is taken
   */
  share(file: Blob, name?: string): Share;
  /**
   * Calls `nick`, or who made up a code such as `4821-crossover-clockwork-universe`, and waits for the session.
   * `timeout` in milliseconds, 30 000 by default and at most.
   *
   * @throws XcherError `unreachable`, `timed-out`, `other-key`, `not-private`, `wrong-code`, `altered`,
   * `policy`, `cancelled`, `misuse`
   */
  open(nick: string, options?: { signal?: AbortSignal; timeout?: number }): Promise<Session>;
  /**
   * Calls `nick` and offers files, as {@link Session.offer}. Who calls this ends the session.
   *
   * @throws XcherError as {@link Peer.open} and {@link Session.offer}
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

/** A file by its own name (`webkitRelativePath` or `name`), or by another. */
export type Named = Blob | { readonly file: Blob; readonly name: string };

/** A file that we share. */
export interface Share {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Shares it no longer. What is on its way goes on. */
  stop(): void;
}

/** Someone who wants a session. */
export interface Call {
  /** Where the caller listens: `ip:port`. */
  readonly peerAddress: string;
  /** Who the relay says it is. */
  readonly nick?: string;
  /** Resolves when it is answered, or cannot be any more: a caller waits for 30 s. */
  readonly over: Promise<void>;
  /** @throws XcherError as {@link Peer.open} */
  accept(): Promise<Session>;
  reject(): void;
}

/** A file as the other side lists it. */
export interface RemoteFile {
  readonly name: string;
  /** In bytes. An approximate one may be rounded down; `0` says nothing where it is approximate. */
  readonly size: number;
  /** Whether the other side rounds its sizes (`700mb`). */
  readonly approximate: boolean;
  /** When it was last changed, in milliseconds since 1970, to the second; where that is known. */
  readonly modified?: number;
  /** Whether it is a program; where that is known. */
  readonly executable?: boolean;
}

/** An exchange with one other host. Both sides may list and fetch. */
export interface Session {
  /** The other end of the control connection: `ip:port`. */
  readonly peerAddress: string;
  /** Whom we called, or who the relay says called us. */
  readonly nick?: string;
  /** Whether the other side called. */
  readonly incoming: boolean;
  /** Whether nobody but the other side hears what is said and sent. */
  readonly secure: boolean;
  /** Where it is not: we were told so (`here`), or they know no better (`there`). */
  readonly whyPlain?: "here" | "there";
  /** The key that the other side proved to hold, in base64; `undefined` in the clear. */
  readonly peerKey?: string;
  /**
   * What is known of that key: it is the one that their nick had before (`pinned`), or the first that
   * it has (`first`), or they know the code (`code`), or theirs is not ours to pin, because they
   * called (`no`).
   */
  readonly known?: "pinned" | "first" | "code" | "no";
  /**
   * Three words that both sides see, if nobody is between them: to be compared by voice. Rejects in
   * the clear (`not-private`), and where the session ends before.
   */
  readonly safetyWords: Promise<string>;
  /** Settles when the session is over: `undefined` if in order, else why. Never rejects. */
  readonly closed: Promise<XcherError | undefined>;
  /**
   * What the other side shares, as it comes. A slow loop slows the other side. Names that no host
   * could take are left out. One list at a time.
   */
  list(): AsyncIterableIterator<RemoteFile>;
  /** Whether the other side shares `name`. */
  check(name: string): Promise<boolean>;
  /**
   * Requests a file, once its `readable` is read from. A file that was listed is requested as it was
   * listed; a name alone is looked up in the list first.
   *
   * `partial`: the bytes that an earlier try left, the file's first ones, of a file from who has this
   * `peerKey`. In a private session the other side compares them with its own, and sends what is
   * missing. It may send all of it instead: ask {@link Download.start} where what comes begins.
   */
  get(file: string | RemoteFile, options?: { partial?: Blob } & StoreOptions): Download;
  /**
   * Requests many files at once, at most 1024. Those of at most 256 KiB come together, where the other
   * side knows how, without a round trip each. What came of them is held in memory until it is read: of
   * files that come together that is 16 MiB at most. Read them, or store them, in their order, or all at
   * once: later ones may wait until those before are stored or cancelled.
   *
   * Tells the other side how many files and bytes that is, unless {@link want} was called.
   */
  getAll(files: readonly RemoteFile[], options?: StoreOptions): Download[];
  /**
   * Tells a side that sends by a code how many files and bytes are wanted of it in this session, and how
   * many of these files are here already and will not be requested; numbers add up. It then takes its
   * files for delivered only when so many are stored, and not as soon as those requested so far are.
   * For an application that requests files one by one: call it when it is known what is wanted, and
   * count each file once.
   *
   * @throws XcherError `misuse` where the session is over
   */
  want(what: { files?: number; bytes?: number; here?: number }): void;
  /**
   * Asks the other side to fetch these files. They are shared with it alone, until the session is
   * over. An offer obliges to nothing: it says which it does not want, and when. In an unencrypted
   * session nothing is offered: `done` fails with `not-private`.
   *
   * @throws XcherError `misuse` where nothing is offered, or a name that already is; `policy` for a
   * name that cannot be shared
   */
  offer(files: Iterable<Named>): Offering;
  /** Says X_END and closes. Files on their way go on. */
  end(): Promise<void>;
  /** Ends it at once, and every file on its way with it. */
  reject(): void;
}

/** What the other side offers. Nothing of it comes before it is accepted. */
export interface Offer {
  readonly session: Session;
  /**
   * At most 100 000 in all undecided offers of a session; those beyond are declined. Who offers so much
   * that 200 000 are declined in one session is sent away.
   */
  readonly files: readonly RemoteFile[];
  /** Of all files together, in bytes. */
  readonly size: number;
  /**
   * Accepts the files with these names, or all, and declines the rest, once and for all. Each download
   * begins when its `readable` is read from; `session.get(file)` fetches an accepted file, too.
   *
   * @throws XcherError `misuse` for a name that is not offered, or where it is decided already
   */
  accept(names?: Iterable<string>, options?: StoreOptions): Download[];
  /** Declines what is not decided yet. */
  decline(): void;
}

/** Files that we offered. */
export interface Offering {
  readonly session: Session;
  readonly files: readonly { readonly name: string; readonly size: number }[];
  /** How many files the other side confirmed as stored so far. */
  readonly stored: number;
  /** How many were sent whole to a peer that confirms nothing. */
  readonly handedOver: number;
  /** Both together. */
  readonly sent: number;
  /** How many the other side does not want. */
  readonly declined: number;
  /** How many it wanted and, as far as is known, does not have. It may request them again. */
  readonly failed: number;
  /** Those, by name and with the reason in words; at most 10 000. Known when `done` is settled. */
  readonly missing: readonly Missing[];
  /**
   * Fulfilled when every file is stored, handed over, declined or failed. Rejects where the session
   * ends before that, and with `refused` where the other side knows no offers.
   */
  readonly done: Promise<void>;
}

/** A file that was sent, or was to be, and that the other side does not have. */
export interface Missing {
  readonly name: string;
  /** In words, to be shown. */
  readonly reason: string;
}

/** What arrived of the files for whoever knows a code. */
export interface Sent {
  /** Files that arrived. */
  readonly files: number;
  /** Their bytes. */
  readonly bytes: number;
  /** Files that the other side had already. */
  readonly here: number;
  /** Those of `files` that were sent to a peer that confirms nothing; the others are stored. */
  readonly handedOver: number;
}

export interface SendingEventMap {
  /**
   * Someone who knew the code is gone without some of the files that they wanted: `missing` names them,
   * at most 10 000, and `missingCount` says how many there are, with those that were wanted and never
   * requested. The code is still good, and whoever comes back fetches what is missing.
   */
  incomplete: Event &
    Sent & { readonly missing: readonly Missing[]; readonly missingCount: number };
}

/** Files for whoever knows a code. */
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
  /** What the other side is to be told: `4821-crossover-clockwork-universe`. */
  readonly code: string;
  /** A peer of its own: its events say who comes, what is sent, and who had a wrong code. */
  readonly peer: Peer;
  readonly files: readonly { readonly name: string; readonly size: number }[];
  /** A link for a browser to a bridge's page, with the code behind `#`, where no server sees it. */
  link(page: string | URL): string;
  /**
   * Fulfilled when someone who knew the code has left, and everything they wanted is stored there; until
   * then `incomplete` says what is missing. Rejects with `refused` where they took nothing, `wrong-code` when the code is dead, `nick-taken`
   * where the relay gave its nick away while we were offline, `cancelled`.
   */
  readonly done: Promise<Sent>;
  /** Ends it: nobody can use the code any more. */
  stop(): Promise<void>;
}

/** Why a file is not stored here, as the other side is told. */
export type NotStored =
  /** There is no room. */
  | "space"
  /** It must not be written: no permission. */
  | "denied"
  /** Something of that name is here, and stays. */
  | "exists"
  /** Such a name cannot be used here. */
  | "name"
  /** Its bytes are others than those that were sent. */
  | "altered"
  /** It did not come whole. */
  | "incomplete"
  /** The user does not want it any more. */
  | "cancelled"
  /** It is larger than the user takes. */
  | "large"
  | "other";

export interface StoreOptions {
  /**
   * The application says when a file is stored: {@link Download.stored}, {@link Download.notStored}. By
   * default it counts as stored, and the other side is told so, once `readable` was read to its end; a
   * sink that takes each byte before it asks for the next may then rely on `pipeTo`.
   */
  confirm?: boolean;
}

/** A file on its way to us. */
export interface Download {
  readonly name: string;
  /** As announced, in bytes; `undefined` until known. */
  readonly size: number | undefined;
  /** Bytes that came so far, without those of `partial`. */
  readonly received: number;
  /**
   * Whether the file came with its sum, and that was right: true once it is done in a private session
   * with a peer that sends sums.
   */
  readonly verified: boolean;
  /**
   * The bytes. They come no faster than they are read. It ends only if the file is whole, and errors
   * otherwise. Nothing comes before it is read from, or started.
   */
  readonly readable: ReadableStream<Uint8Array>;
  /**
   * Requests it now, and says where in the file `readable` begins: at the length of `partial`, if that
   * is how the file begins, or at **0**. Then all of it comes, and what was there is to be thrown away.
   * With `partial`, to be called before `readable` is read from.
   */
  start(): Promise<number>;
  /**
   * Fulfilled when the file is whole and `readable` was read to its end; with `confirm`, when {@link stored} was
   * called after that. Then the other side is told that the file is stored.
   */
  readonly done: Promise<void>;
  /**
   * With `confirm`: the bytes are safe, e.g. written and closed. To be called once `readable` has ended.
   *
   * @throws XcherError `misuse` where it has not ended, or without `confirm`
   */
  stored(): void;
  /**
   * The file cannot be stored, and the other side is told why; `done` fails with `local` and `message`.
   * May be called at any time. What has been settled already is not changed.
   */
  notStored(reason?: NotStored, message?: string): void;
  /** Ends it. The other side is told that the user did. A stream that is cancelled ends it, too. */
  cancel(): void;
}

/** A file on its way to the other side. */
export interface Upload {
  readonly session: Session;
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** So many small files come with it, and are in its size; `name` is the first's. */
  readonly more: number;
  /** What the other side had already: the first so many bytes. */
  readonly from: number;
  /** Bytes sent so far, those before `from` included. */
  readonly sent: number;
  /** Fulfilled when every byte was handed over; whether it is stored there, `Offering` and `Sending` say. */
  readonly done: Promise<void>;
  cancel(): void;
}

/**
 * A QR code of a text, for an SVG of `viewBox="0 0 ${size} ${size}"`: `path` is what is dark on a light
 * ground, the margin included. `undefined` for a text of more than 271 bytes. `wasm` as in
 * {@link SendOptions}.
 */
export function qr(
  text: string,
  wasm?: SendOptions["wasm"],
): Promise<{ size: number; path: string } | undefined>;

/** The version of this package. */
export const version: string;
