import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { before, test } from "node:test";
import { inEachBrowser } from "./harness/scenes.js";
import { folder, same, tree } from "./harness/tree.js";
import { eventually } from "./harness/waiting.js";
import { Process, relay, xcher } from "./harness/xcher.js";

const EXAMPLE = new URL("../../native/packaging/proxy/nginx-subpath.conf", import.meta.url);

let root;
let files;

before(async () => {
  root = folder();
  files = await tree(join(root, "files"), { "one.txt": 31, "two.bin": 300_001 });
});

inEachBrowser("below a path of a reverse proxy", (stage) => {
  test("a page exchanges files with a terminal", async (t) => {
    if (!hasNginx()) return t.skip("nginx is not installed");
    const at = stage.keep(t, await relay({ args: ["--trusted-proxy", "127.0.0.1"] }));
    const url = await nginx(t, at.url);
    const carol = await stage.visit(t, url, "carol");
    const { code, link } = await carol.send(files.paths);
    assert.equal(link, `${url}/#${code}`);
    const out = join(root, stage.name);
    await xcher("get", code, "--yes", "-o", out, "--relay", `${url}/`).exits();
    for (const file of files.files) await same(join(out, file.name), file);
    await carol.sending("done", "2 files delivered");

    // The invitation and the command on the page name the path, too.
    await carol.text("#link", `${url}/#carol`, { hidden: true });
    await carol.text("#command", `--relay ${url.replace("http", "ws")}/xcher`, { hidden: true });
    const share = stage.keep(t, xcher("share", ...files.paths, "--nick", "bob", "--relay", `${url}/`));
    await share.out("online ");
    await carol.open("bob");
    assert.deepEqual(await carol.listed(), ["one.txt", "two.bin"]);
    await carol.get("two.bin");
    await same(await carol.saved(files.files[1]), files.files[1]);
    // A reload finds everything below the path again.
    await carol.page.reload();
    await carol.online();
  });

  /** Starts nginx with the example, without TLS: a page of this machine needs none. Returns the page's URL. */
  async function nginx(t, bridge) {
    const at = folder();
    const port = await free();
    const site = readFileSync(EXAMPLE, "utf8")
      .replace("listen 443 ssl;", `listen 127.0.0.1:${port};`)
      .replace("listen [::]:443 ssl;", "")
      .replace(/ssl_certificate.*;/g, "")
      .replace("http://127.0.0.1:9248/", `${bridge}/`);
    const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${at}/${name};`);
    const config = `daemon off; master_process off; pid ${at}/pid; error_log stderr;
      events {} http { access_log off; ${paths.join(" ")} ${site} }`;
    writeFileSync(join(at, "nginx.conf"), config);
    stage.keep(t, new Process("nginx", ["-e", "stderr", "-c", join(at, "nginx.conf")]));
    await eventually("nginx to listen", () => listens(port));
    return `http://127.0.0.1:${port}/xcher`;
  }
});

function hasNginx() {
  try {
    execFileSync("nginx", ["-v"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function listens(port) {
  const socket = connect(port, "127.0.0.1");
  const listens = await once(socket, "connect").then(() => true, () => new Promise((later) => setTimeout(later, 20)));
  socket.destroy();
  return listens;
}

async function free() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
