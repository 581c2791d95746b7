import { once } from "node:events";
import { createServer, request } from "node:http";

/** Starts a proxy that serves a bridge below a path. */
export async function below(path, target) {
  const onward = ({ url, method, headers }) =>
    request(new URL(url.slice(path.length - 1), target), { method, headers });
  const server = createServer((asked, answer) => {
    if (!asked.url.startsWith(path)) return answer.writeHead(404).end();
    const far = onward(asked).on("response", (from) => from.pipe(answer.writeHead(from.statusCode, from.headers)));
    far.on("error", () => answer.destroy());
    asked.pipe(far);
  });
  const sockets = new Set();
  server.on("upgrade", (asked, near) => {
    const far = onward(asked);
    far.on("upgrade", (answer, socket) => {
      const lines = [`HTTP/1.1 101 ${answer.statusMessage}`];
      for (let at = 0; at < answer.rawHeaders.length; at += 2) lines.push(`${answer.rawHeaders[at]}: ${answer.rawHeaders[at + 1]}`);
      near.write(`${lines.join("\r\n")}\r\n\r\n`);
      near.pipe(socket).pipe(near);
      for (const side of [near, socket]) {
        sockets.add(side);
        side.on("error", () => {}).on("close", () => [near, socket].forEach((each) => each.destroy()));
      }
    });
    far.on("error", () => near.destroy());
    far.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}${path.slice(0, -1)}`,
    stop() {
      server.close();
      server.closeAllConnections();
      for (const socket of sockets) socket.destroy();
    },
  };
}
