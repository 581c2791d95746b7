import WebSocket from "ws";
import { fetchAll } from "./fetch.js";

const [url, nick] = process.argv.slice(2);
console.log(JSON.stringify(await fetchAll(url, nick, { WebSocket })));
