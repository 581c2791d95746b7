import type { Bytes } from "./bytes.js";
import type { Peer } from "./peer.js";

/** Limits of a call that waits. */
export interface WaitOptions {
  /** Ends the wait: the call rejects with `cancelled`, and the signal's `reason` is the error's `cause`. */
  signal?: AbortSignal;
  /** The longest time to wait, in milliseconds; then the call rejects with `timed-out`. `Infinity` for no limit. */
  timeout?: number;
}

/** A kind of device: `computer` for a page in its browser, `terminal` for a program without a page. */
export type Device = "phone" | "tablet" | "computer" | "terminal";

/** Options of {@link Peer.connect}. An unknown value of an option is an error (`misuse`), never a default. */
export interface ConnectOptions extends SendOptions {
  /** The nick at the relay: 1 to 32 characters without white space. Of several, the first that is free. */
  nick: string | readonly string[];
  /**
   * The answer to calls: accept them (`take`, the default), emit `call`, or reject them. Where both hosts and the
   * relay support it, a caller learns at once that it was rejected.
   */
  calls?: "take" | "ask" | "ignore";
}

/** Options of {@link Peer.send}, and of {@link Peer.connect}. */
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
  identity?: Bytes;
  /**
   * The kind of device to name to the peers of encrypted sessions, for signs beside names; none by default. It is sent
   * before encryption begins, so the bridge and whoever watches the network learn it.
   */
  device?: Device;
  /** The store of pinned keys: by default {@link keptPeers} in a browser, elsewhere the peer's memory. */
  knownPeers?: KnownPeers;
  /**
   * Links between browsers by WebRTC, past the bridge: `never` (the default), once files come slowly through the bridge
   * (`auto`), or in every session that this peer opens (`always`). Both browsers must permit it, in an encrypted
   * session; the caller decides. The other host then learns addresses of this browser, as for a call in a page. Without
   * `RTCPeerConnection`, as in Node, this is `never`.
   */
  direct?: "never" | "auto" | "always";
  /**
   * In a worker, where there is no `RTCPeerConnection`: a port whose other end a window has passed to {@link lendLinks}.
   */
  windowPort?: object;
  /**
   * In a window: servers that tell the browser its public address (STUN), or relay (TURN), as for `RTCPeerConnection`.
   * None by default, so links reach within one local network, and no server learns of them. A relay with `--stun` is a
   * STUN server: `[{ urls: "stun:relay.example" }]`.
   */
  iceServers?: readonly object[];
  /** Aborts connecting. The signal of {@link Peer.send} also stops sending later on. */
  signal?: AbortSignal;
  /** Time to wait for the bridge and the relay, in milliseconds; 30 000 by default. */
  timeout?: number;
  /**
   * The wasm module, where it cannot be found beside the package's scripts: its URL, outside of browsers also its path,
   * its bytes, a response that has them, or the compiled module. Only the first call that needs the module reads this.
   */
  wasm?: WasmSource | PromiseLike<WasmSource>;
}

/**
 * Makes links for peers in a worker ({@link SendOptions.direct}), which have the other end of the port as `windowPort`.
 * Call it in the window.
 */
export function lendLinks(port: object, options?: { iceServers?: readonly object[] }): LinkLender;

/** Makes links for peers in a worker. */
export interface LinkLender {
  /** Permits links, as at first; `false` closes all of them, and permits none. */
  allow(yes: boolean): void;
}

/** The module `xcher_bg.wasm`, which `import.meta.resolve("xcher/xcher_bg.wasm")` finds. */
export type WasmSource = string | URL | Bytes | Response | WasmModule;

/** A compiled `WebAssembly.Module`. */
export type WasmModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer Module } } }
  ? Module
  : object;

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
