/** How far a transfer is. Emitted every 250 ms while bytes move or the rate falls, and at the end. */
export interface ProgressEvent extends Event {
  readonly type: "progress";
  /** Bytes so far, of a resumed file with those that were there before. */
  readonly bytes: number;
  /** Bytes in all; `undefined` until known. */
  readonly size: number | undefined;
  /** Bytes per second, averaged; 0 while nothing moves. */
  readonly rate: number;
}

/** The events of a transfer, by their types. */
export interface ProgressEventMap {
  /** The transfer has moved on. Nothing is counted without a listener. */
  progress: ProgressEvent;
}

/** Something that moves bytes. */
export interface ProgressTarget {
  addEventListener<K extends keyof ProgressEventMap>(
    type: K,
    listener: (event: ProgressEventMap[K]) => void,
    options?: boolean | ListenerOptions,
  ): void;
  removeEventListener<K extends keyof ProgressEventMap>(
    type: K,
    listener: (event: ProgressEventMap[K]) => void,
    options?: boolean | { capture?: boolean },
  ): void;
}

/** Options of a listener, as DOM has them. */
export interface ListenerOptions {
  capture?: boolean;
  once?: boolean;
  passive?: boolean;
  signal?: AbortSignal;
}
