/** Bytes in memory: a `Buffer`, any typed array, or an `ArrayBuffer`. They are copied. */
export type Bytes = ArrayBuffer | ArrayBufferView;

/** The contents of a file: a `Blob` or `File`, which is read piece by piece, or bytes. */
export type Content = Blob | Bytes;

/** A file under its own name (`webkitRelativePath` or `name`), or under another. */
export type Named = Blob | { readonly file: Content; readonly name: string };

/** A file that this peer shares. */
export interface Share {
  readonly name: string;
  readonly size: number;
  /** Stops sharing it. Transfers under way continue. */
  stop(): void;
}
