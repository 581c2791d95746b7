import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";

/**
 * Passes calls from one relay on to another: it is `nick` at the first, where callers ask for it,
 * and hands each X_INIT as it came to the real `nick` at the second. So two hosts meet of which each
 * has a bridge of its own, and neither bridge can join them in memory.
 */
export async function introduce(nick, here, there) {
  const [caller, callee] = await Promise.all([at(here, nick), at(there, `${nick}-introducer`)]);
  caller.lines.on("line", (line) => {
    if (line.startsWith("X_INIT ")) callee.socket.write(`${line}\n`);
  });
  return {
    stop() {
      caller.socket.destroy();
      callee.socket.destroy();
    },
  };
}

async function at(relay, nick) {
  const [host, port] = relay.split(":");
  const socket = connect({ host, port: Number(port) });
  const lines = createInterface({ input: socket });
  socket.write(`X_NICK ${nick}\n`);
  const [answer] = await once(lines, "line");
  if (answer !== `X_NICK ${nick} YES`) throw new Error(`expected the nick ${nick}, got ${answer}`);
  lines.on("line", (line) => {
    if (line.startsWith("X_PING ")) socket.write(`X_PONG ${line.slice(7)}\n`);
  });
  return { socket, lines };
}
