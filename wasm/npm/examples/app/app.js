/**
 * Sends files by a code, and receives them as one archive, without a framework.
 *
 * `?bridge=https://relay.example/` names the bridge; without it, the page's own server is one. A bridge accepts pages of
 * other servers only if it was started with `--allow-origin`.
 */
import { Peer, toZip } from "xcher";

const bridge = new URLSearchParams(location.search).get("bridge") ?? new URL("/", location.href);
const [receive, send] = [document.getElementById("receive"), document.getElementById("send")];
const progress = document.querySelector("progress");

/** Shows a text. Names and messages come from other people: never as HTML. */
const show = (text) => (document.getElementById("state").textContent = text);

/** Runs one transfer at a time, and says what went wrong. */
const submits = (form, does) => {
  form.onsubmit = async (event) => {
    event.preventDefault();
    const fields = [receive, send].flatMap((form) => [...form.elements]);
    for (const field of fields) field.disabled = true;
    try {
      show(await does(form.elements));
    } catch (error) {
      show(`${error.code === "wrong-code" ? "The code is wrong" : "Failed"}: ${error.message}`);
    } finally {
      progress.hidden = true;
      for (const field of fields) field.disabled = false;
    }
  };
};

function watch(transfer, before = 0, total) {
  progress.hidden = false;
  transfer.addEventListener("progress", ({ bytes, size }) => {
    progress.max = (total ?? size) || 1;
    progress.value = before + bytes;
  });
}

submits(send, async ({ files, code }) => {
  const sending = await Peer.send(bridge, files.files);
  watch(sending);
  code.value = sending.code;
  show("Read the code to the receiver, and keep this page open.");
  sending.addEventListener("incomplete", ({ missingCount }) => show(`${missingCount} files are missing: the code stays valid.`));
  try {
    const { files: count, here } = await sending.done;
    return `Delivered: ${count + here} files.`;
  } finally {
    code.value = "";
  }
});

submits(receive, async ({ code }) => {
  // A code needs no nick of yours: any that is free will do.
  const peer = await Peer.connect(bridge, { nick: `guest-${crypto.randomUUID().slice(0, 8)}` });
  try {
    const session = await peer.open(code.value);
    const files = [];
    for await (const file of session.list()) files.push(file);
    const total = files.reduce((sum, { size }) => sum + size, 0);
    session.want({ files: files.length, bytes: total });
    let before = 0;
    const downloads = files.map((file) => session.get(file));
    for (const download of downloads) {
      watch(download, before, total);
      before += download.size;
    }
    const archive = await new Response(await toZip(downloads)).blob();
    await session.end();
    save(archive, "received.zip");
    return `Received ${files.length} files. The archive is in your downloads.`;
  } finally {
    await peer.close();
  }
});

function save(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
}
