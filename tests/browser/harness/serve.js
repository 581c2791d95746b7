import { createReadStream, existsSync, statSync } from "node:fs";
import { once } from "node:events";
import { createServer, request } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".json": "application/json",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};

/**
 * Serves files at their paths, `{ "/": folder, "/npm/": folder }`, by the longest matching prefix; passes
 * other requests on to `target`, if given. Responses have `headers`.
 */
export async function serve(folders, { target, headers = {} } = {}) {
  const server = createServer((asked, answer) => {
    const path = normalize(decodeURIComponent(new URL(asked.url, "http://x").pathname));
    const file = find(folders, path.endsWith("/") ? `${path}index.html` : path);
    if (!file) return target ? pass(target, asked, answer) : answer.writeHead(404).end();
    const type = TYPES[extname(file)] ?? "application/octet-stream";
    answer.writeHead(200, { ...headers, "content-type": type, "cache-control": "no-cache" });
    createReadStream(file).pipe(answer);
  });
  const sockets = new Set();
  server.on("upgrade", (asked, socket, head) => {
    const onward = request(new URL(asked.url, target), { headers: asked.headers });
    onward.on("upgrade", (answer, far, farHead) => {
      socket.write(start(answer));
      far.write(head);
      socket.write(farHead);
      socket.pipe(far).pipe(socket);
      for (const side of [socket, far]) {
        sockets.add(side);
        side.on("error", () => {}).on("close", () => {
          sockets.delete(side);
          socket.destroy();
          far.destroy();
        });
      }
    });
    onward.on("response", (answer) => socket.end(start(answer)));
    onward.on("error", () => socket.destroy());
    onward.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    stop() {
      server.close();
      server.closeAllConnections();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function find(folders, path) {
  const at = Object.keys(folders).sort((a, b) => b.length - a.length).find((at) => path.startsWith(at));
  const file = at && join(folders[at], path.slice(at.length));
  return file && existsSync(file) && statSync(file).isFile() ? file : undefined;
}

function pass(target, asked, answer) {
  const onward = request(new URL(asked.url, target), { method: asked.method, headers: asked.headers });
  onward.on("response", (from) => {
    answer.writeHead(from.statusCode, from.headers);
    from.pipe(answer);
  });
  // As if the target itself had been asked.
  onward.on("error", () => answer.destroy());
  asked.pipe(onward);
}

function start(answer) {
  const raw = answer.rawHeaders;
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`];
  for (let at = 0; at < raw.length; at += 2) lines.push(`${raw[at]}: ${raw[at + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}
