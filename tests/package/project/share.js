import { openAsBlob } from "node:fs";
import { Peer } from "xcher";
import WebSocket from "ws";

const [url, nick, path, name] = process.argv.slice(2);
const peer = await Peer.connect(url, { nick, WebSocket });
peer.share(await openAsBlob(path), name);
peer.addEventListener("session", ({ session }) => {
  session.closed.then((error) => {
    console.log(error ? `failed ${error.code}` : "ended");
    peer.close();
  });
});
console.log(`online ${peer.nick}`);
