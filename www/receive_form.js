/** The field for a code or a link, typed, pasted, or read by the camera. */
import { isCode, learn } from "./codes.js";
import { $, element } from "./element.js";
import { put, unput } from "./language.js";
import { hashOf, isWholeCode, linkIn, spelled, unwrapped } from "./pasted.js";

const field = $("code");
const why = $("code-why");

/** Calls `go` with the text of a code or nick that the user entered. */
export function receiveForm(go) {
  async function enter(text) {
    unput(why);
    const link = linkIn(text);
    if (link && !isHere(link)) {
      const open = element("a", { href: link.href, rel: "noreferrer" }, link.host);
      return put(why, "link-elsewhere", { link: open });
    }
    const target = link ? hashOf(link) : unwrapped(text);
    if (!target) return put(why, link ? "link-without-code" : "enter-code");
    const code = spelled(target);
    if (/^\d+$/.test(code)) return put(why, "code-needs-words");
    if (!isWholeCode(code)) await learn(code);
    field.value = "";
    go(isWholeCode(code) || isCode(code) ? code : target);
  }

  $("receive").onsubmit = async (event) => {
    event.preventDefault();
    await enter(field.value);
    if (why.textContent) field.focus();
  };
  field.oninput = () => unput(why);
  $("scan").onclick = async () => {
    unput(why);
    const { scan } = await import("./camera.js");
    const text = await scan();
    if (text !== undefined) enter(text);
  };
  offerScan();
  return enter;
}

/** Returns true for a link to this page: codes and nicks are those of one relay. */
const isHere = ({ origin, pathname }) =>
  origin === location.origin && folder(pathname) === folder(location.pathname);

const folder = (path) => path.replace(/(index\.html)?$/, "").replace(/\/?$/, "/");

/** Offers the camera where the browser can read QR codes. */
async function offerScan() {
  if (!navigator.mediaDevices?.getUserMedia) return;
  const formats = (await globalThis.BarcodeDetector?.getSupportedFormats().catch(() => [])) ?? [];
  $("scan").hidden = !formats.includes("qr_code");
}
