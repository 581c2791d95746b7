import { Peer, XcherError } from "xcher";

try {
  await Peer.connect(process.argv[2], { nick: "nobody", WebSocket: undefined });
  console.log("connected");
} catch (error) {
  console.log(error instanceof XcherError, error.code);
}
