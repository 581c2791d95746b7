import {
  Peer,
  XcherError,
  keptPeers,
  version,
  type Download,
  type ErrorCode,
  type RemoteFile,
  type Session,
} from "xcher";
import WebSocket from "ws";

/** Uses every part of the interface once, with its declared type. */
export async function everything(file: File, signal: AbortSignal): Promise<string[]> {
  const peer: Peer = await Peer.connect(new URL("wss://relay.example/xcher"), {
    nick: ["carol", "carol-2"] as const,
    token: "secret",
    WebSocket,
    calls: "ask",
    privacy: "prefer",
    identity: new Uint8Array(32),
    knownPeers: keptPeers,
    signal,
    timeout: 5_000,
  });
  peer.addEventListener("call", ({ call }) => {
    const from: string | undefined = call.nick ?? call.peerAddress;
    if (from) void call.accept().then((session: Session) => session.reject());
    else call.reject();
  });
  peer.addEventListener("offline", ({ error, retryIn }) => {
    const code: ErrorCode = error.code;
    console.log(code, retryIn?.toFixed());
  });
  peer.addEventListener("upload", ({ upload }) => void upload.done.catch(() => upload.cancel()));
  const share = peer.share(file);
  const names: string[] = [share.name, version, ...(await peer.who())];
  const session = await peer.open("alice", { signal, timeout: 1_000 });
  const key: string | undefined = session.secure ? session.peerKey : session.whyPlain;
  names.push(peer.key, key ?? "", session.known ?? "", await session.safetyWords);
  let last: RemoteFile | undefined;
  for await (const listed of session.list()) last = listed;
  if (await session.check("java.avi")) {
    const download: Download = session.get(last ?? "java.avi");
    const size: number | undefined = download.size;
    const stream: ReadableStream<Uint8Array> = download.readable;
    await stream.pipeTo(new WritableStream());
    console.log(size, download.received);
    await download.done;
    const verified: boolean = download.verified;
    console.log(verified);
  }
  await session.end();
  const why: XcherError | undefined = await session.closed;
  if (why) names.push(why.message);
  // @ts-expect-error A nick is required.
  await Peer.connect("ws://relay.example/xcher", {});
  // @ts-expect-error Only `connect` makes peers.
  new Peer();
  share.stop();
  await peer.close();
  return names;
}
