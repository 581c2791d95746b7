/**
 * XCHER: exchange files with a peer by nick or code, from a browser or Node.
 *
 * A peer connects to one bridge (`xcher relay`, `xcher up`), which provides the TCP connections that a page
 * cannot open. It works with every XCHER host, including hosts that implement only the base protocol.
 *
 * Sizes are in bytes and times in milliseconds unless stated otherwise. Every error, thrown or rejected, is an
 * {@link XcherError}.
 *
 * @packageDocumentation
 */

/// <reference lib="esnext.disposable" />

export type * from "./types/bytes.js";
export * from "./types/errors.js";
export * from "./types/helpers.js";
export type * from "./types/offers.js";
export * from "./types/options.js";
export * from "./types/peer.js";
export type * from "./types/progress.js";
export type * from "./types/remote_file.js";
export type * from "./types/sending.js";
export type * from "./types/session.js";
export type * from "./types/transfers.js";
