/** Imports the package as a framework does that renders pages on a server, and looks for traces. */
delete globalThis.WebSocket;
delete globalThis.navigator;
const before = Reflect.ownKeys(globalThis).length;
const { Peer, XcherError, isCode, qr, saveToDisk } = await import("xcher");
const same = Reflect.ownKeys(globalThis).length === before && typeof saveToDisk === "function";
const works = (await isCode("4821-crossover")) && (await qr("text")).size > 0;
console.log(same && works ? "imported without a trace" : `same: ${same}, works: ${works}`);
const error = await Peer.connect("wss://relay.example/", { nick: "nobody" }).catch((error) => error);
console.log(error instanceof XcherError ? error.code : error);
