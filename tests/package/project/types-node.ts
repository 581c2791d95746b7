import { openAsBlob } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  Peer,
  XcherError,
  saveToDisk,
  toZip,
  type Bytes,
  type Offering,
  type ProgressEvent,
  type Saved,
  type Sending,
  type Session,
  type WaitOptions,
} from "xcher";

/** Uses what a program without DOM uses, with its declared type. */
export async function bot(limits: WaitOptions): Promise<void> {
  const identity: Bytes = Buffer.alloc(32);
  const wasm = await import("node:fs/promises").then(({ readFile }) => readFile("xcher_bg.wasm"));
  await using peer: Peer = await Peer.connect("http://127.0.0.1:9248/", { nick: "bot", identity, wasm, ...limits });
  peer.share(Buffer.from("text"), "notes.txt");
  for await (const offer of peer.offers(limits)) {
    const saved: Saved[] = await saveToDisk(offer.accept(undefined, limits), "inbox", limits);
    console.log(saved.map(({ path, bytes, verified }) => `${path} ${bytes} ${verified}`));
  }
  for await (const event of peer.events(["offer", "refused"])) {
    if (event.type === "refused") console.log(event.address, event.error.code, event.error.cause);
    else event.offer.decline();
    // @ts-expect-error Other events do not arrive.
    if (event.type === "upload") console.log(event);
  }
  for await (const session of peer.incoming()) await fetch(session, limits);
  await using sending: Sending = await Peer.send("host:9248", [{ file: await openAsBlob("x"), name: "x" }], limits);
  sending.addEventListener("progress", ({ bytes, size, rate }) => console.log(bytes / (size ?? 1), rate));
  console.log(sending.link());
  const offering: Offering = await peer.offer("alice", [{ file: new Uint8Array(1), name: "x" }], limits);
  offering.addEventListener("progress", (event: ProgressEvent) => console.log(event.bytes));
  offering.cancel();
  // @ts-expect-error Unknown values are errors.
  await Peer.connect("host:9248", { nick: "bot", privacy: "required" });
  // @ts-expect-error A name alone is no file.
  await Peer.send("host:9248", ["notes.txt"]);
}

async function fetch(session: Session, limits: WaitOptions): Promise<void> {
  for await (const file of session.list(limits)) {
    const download = session.get(file, limits);
    download.addEventListener("progress", ({ rate }) => console.log(rate), { once: true });
    const { path }: Saved = await saveToDisk(download, new URL("file:///tmp/"));
    console.log(path);
  }
  const archive: ReadableStream<Uint8Array> = await toZip(session.getAll([]));
  for await (const piece of archive) console.log(piece.length);
  try {
    await session.end(limits);
  } catch (error) {
    if (error instanceof XcherError && error.code === "timed-out") session.reject();
  }
  console.log(fileURLToPath(import.meta.resolve("xcher/xcher_bg.wasm")));
}
