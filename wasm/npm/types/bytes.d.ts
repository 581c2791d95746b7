/** Bytes in memory: a `Buffer`, any typed array, or an `ArrayBuffer`. They are copied. */
export type Bytes = ArrayBuffer | ArrayBufferView;

/** The contents of a file: a `Blob` or `File`, which is read piece by piece, or bytes. */
export type Content = Blob | Bytes;

/**
 * A file under its own name (`webkitRelativePath` or `name`), or under another; or a text for the other host's
 * user, of at most 64 KiB in UTF-8; or an empty folder. A host that does not know texts gets `message.txt`.
 */
export type Named = Blob | { readonly file: Content; readonly name: string } | { readonly text: string } | EmptyFolder;

/** An empty folder by its name (`/` between folders). A host that does not know folders does not see it. */
export interface EmptyFolder {
  readonly folder: string;
}

/** A file that this peer shares. */
export interface Share {
  readonly name: string;
  readonly size: number;
  /** Stops sharing it. Transfers under way continue. */
  stop(): void;
}
