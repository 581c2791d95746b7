const { Peer, version } = require("xcher");
const WebSocket = require("ws");

if (require("xcher/package.json").version !== version) throw new Error("another version");
if (typeof Peer.connect !== "function") throw new Error("no Peer");
const [url, nick] = process.argv.slice(2);
import("./fetch.js")
  .then(({ fetchAll }) => fetchAll(url, nick, { WebSocket }))
  .then((result) => console.log(JSON.stringify(result)));
