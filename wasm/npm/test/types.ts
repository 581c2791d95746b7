// Uses every part of the API; `tsc` checks the types.

import { Peer, XcherError, isCode, isOneTimeNick, keptPeers, lendLinks, numbered, qr, version } from "xcher";
import type {
  Call,
  ConnectOptions,
  Download,
  ErrorCode,
  KnownPeer,
  KnownPeers,
  Missing,
  Named,
  NotStored,
  Offer,
  Offering,
  PeerEvent,
  PeerEventMap,
  RemoteFile,
  SendOptions,
  Sending,
  SendingEventMap,
  Sent,
  Session,
  Share,
  Upload,
} from "xcher";
import { WebSocket } from "ws";
import { Download as ItsDownload } from "../download.js";
import { Offer as ItsOffer } from "../incoming_offer.js";
import { Offering as ItsOffering } from "../outgoing_offer.js";
import { Peer as ItsPeer } from "../peer.js";
import { Sending as ItsSending } from "../code_send.js";
import { Session as ItsSession } from "../session.js";
import { Upload as ItsUpload } from "../upload.js";

// The classes have the declared types.
export const download = (its: ItsDownload): Download => its;
export const session = (its: ItsSession): Session => its;
export const offer = (its: ItsOffer): Offer => its;
export const offering = (its: ItsOffering): Offering => its;
export const sending = (its: ItsSending): Pick<Sending, Exclude<keyof Sending, "peer" | keyof EventTarget>> =>
  its;
export const upload = (its: ItsUpload): Upload => its;
export const peer = (its: ItsPeer): Pick<Peer, Exclude<keyof Peer, keyof EventTarget>> => its;

const pins = new Map<string, string>();
export const known: KnownPeers = {
  get: (nick, relay) => pins.get(`${nick} ${relay}`),
  pin: (nick, relay, key) => pins.set(`${nick} ${relay}`, key),
};

export async function forgetAll(): Promise<void> {
  const all: KnownPeer[] = await keptPeers.list();
  for (const { nick, relay, key } of all) {
    if ((await keptPeers.get(nick, relay)) === key) await keptPeers.forget(nick, relay);
  }
}

const options: ConnectOptions = {
  nick: ["carol", "carol2"],
  token: "secret",
  WebSocket,
  privacy: "require",
  direct: "auto",
  device: "computer",
  windowPort: new MessageChannel().port1,
  iceServers: [{ urls: "stun:stun.example" }],
  identity: crypto.getRandomValues(new Uint8Array(32)),
  knownPeers: keptPeers,
  calls: "ask",
  signal: AbortSignal.timeout(1000),
  timeout: 1000,
  wasm: new URL("https://example.org/xcher_bg.wasm"),
};

export async function use(): Promise<void> {
  const peer: Peer = await Peer.connect("wss://relay.example/xcher", options);
  const nick: string = peer.nick + peer.key;
  const online: boolean = peer.online;
  const names: string[] = await peer.who();
  lendLinks(new MessageChannel().port2, { iceServers: [] }).allow(false);
  peer.addEventListener("way", ({ session }) => console.log(session.way === "direct"));
  // @ts-expect-error: not a policy
  await Peer.connect("wss://relay.example/xcher", { nick: "carol", direct: true });
  const share: Share = peer.share(new File(["x"], "x"), "folder/x");
  const size: number = share.size + share.name.length;
  share.stop();
  peer.addEventListener("online", (event) => event.nick.length);
  peer.addEventListener("offline", ({ error, retryIn }) => [error.code, retryIn ?? 0]);
  peer.addEventListener("call", ({ call }) => answer(call), { once: true });
  peer.addEventListener("session", ({ session }) => void fetchAll(session));
  peer.addEventListener("refused", ({ address, nick, error }) => address + (nick ?? "") + error.message);
  peer.addEventListener("upload", ({ upload }) => watch(upload));
  peer.addEventListener("notice", ({ text }) => text);
  peer.addEventListener("offer", ({ offer }) => void take(offer));
  const closed = (event: PeerEvent) => event.type;
  peer.addEventListener("close", closed);
  peer.removeEventListener("close", closed);
  const types: (keyof PeerEventMap)[] = ["online", "offline"];
  const session: Session = await peer.open("alice", { timeout: 1, signal: options.signal });
  const sessions: ReadonlySet<Session> = peer.sessions;
  const yes: boolean = await session.check("x");
  await session.end();
  await peer.close();
  void [nick, online, names, size, types, sessions, yes, version.length];
  // @ts-expect-error Peers come from connect.
  new Peer();
  // @ts-expect-error A nick is required.
  await Peer.connect(new URL("ws://127.0.0.1/xcher"), {});
}

async function fetchAll(session: Session): Promise<void> {
  const [address, nick, incoming] = [session.peerAddress, session.nick ?? "", session.incoming];
  const why: "here" | "there" | undefined = session.whyPlain;
  const known: "pinned" | "first" | "code" | "no" | undefined = session.known;
  const words: string = session.secure ? await session.safetyWords : `${why}`;
  const key: string = session.peerKey ?? `${known} ${words}`;
  for await (const file of session.list()) {
    const { name, size, approximate }: RemoteFile = file;
    const about: [number | undefined, boolean | undefined] = [file.modified, file.executable];
    const download: Download = session.get(approximate ? name : { name, size, approximate });
    const resumed: Download = session.get(file, { partial: new Blob(["x"]) });
    const from: number = await resumed.start();
    void [about, from];
    const reader: ReadableStreamDefaultReader<Uint8Array> = download.readable.getReader();
    const { value } = await reader.read();
    const left: number = (download.size ?? 0) - download.received - (value?.length ?? 0);
    if (left > 0) download.cancel();
    await download.done.catch((error: XcherError) => code(error.code));
    const verified: boolean = download.verified;
    void verified;
  }
  session.want({ files: 1, bytes: 2, here: 3 });
  const all: Download[] = session.getAll([], { confirm: true });
  const reason: NotStored = "space";
  for (const one of all) one.size ? one.stored() : one.notStored(reason, "full");
  const error: XcherError | undefined = await session.closed;
  session.reject();
  void [address, nick, incoming, error, key];
}

async function answer(call: Call): Promise<void> {
  if (call.nick === "alice") await fetchAll(await call.accept());
  else call.reject();
  void call.peerAddress;
}

async function take(offer: Offer): Promise<void> {
  if (offer.size > 1e9 || !offer.session.secure) return offer.decline();
  const [first]: readonly RemoteFile[] = offer.files;
  const some: Download[] = offer.accept(first && [first.name], { confirm: false });
  await Promise.all(some.map(({ done }) => done));
}

export async function give(peer: Peer): Promise<void> {
  const files: Named[] = [new File(["x"], "x"), { file: new Blob(["y"]), name: "folder/y" }];
  const offering: Offering = await peer.offer("alice", files, { timeout: 1 });
  await offering.done;
  const left: number = offering.files.length - offering.sent - offering.declined - offering.failed;
  const missing: readonly Missing[] = offering.missing;
  const both: number = offering.stored + offering.handedOver + missing.length;
  const again: Offering = offering.session.offer(new Set(files));
  const options: SendOptions = { token: "secret", timeout: left };
  const sending: Sending = await Peer.send("wss://relay.example/xcher", files, options);
  const link: string = sending.link("https://relay.example/");
  const { size, path } = (await qr(link)) ?? { size: 0, path: sending.code };
  const rules: [boolean, boolean, string] = [await isCode("4821-a"), await isOneTimeNick("4821"), await numbered("x", 1)];
  sending.peer.addEventListener("upload", ({ upload }) => watch(upload));
  const incomplete = ({ missing, missingCount }: SendingEventMap["incomplete"]) =>
    `${missing[0]?.name} ${missing[0]?.reason} ${missingCount}`;
  sending.addEventListener("incomplete", incomplete, { once: true });
  sending.removeEventListener("incomplete", incomplete);
  const sent: Sent = await sending.done;
  await sending.stop();
  void [both, again, size, path, rules, sent, sending.files[0]?.name];
}

function watch(upload: Upload): number {
  if (!upload.session.incoming) upload.cancel();
  void upload.done.then(() => upload.name);
  void upload.more.toFixed();
  return (upload.sent - upload.from) / upload.size;
}

function code(code: ErrorCode): string {
  switch (code) {
    case "protocol":
    case "refused":
    case "nick-taken":
    case "incomplete":
    case "altered":
    case "other-key":
    case "not-private":
    case "wrong-code":
    case "timed-out":
    case "unreachable":
    case "policy":
    case "local":
    case "cancelled":
    case "misuse":
    case "unsupported":
      return code;
  }
}
