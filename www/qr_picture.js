/** Shows a link as a QR code. */
import { element } from "./element.js";
import { label, say } from "./language.js";

/** Returns the picture of a code: its `size` in modules, and the `path` of the dark ones. */
export function qrPicture({ size, path }) {
  const picture = label(element("div", { className: "qr", role: "img" }), () => say("link-as-qr"));
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.append(document.createElementNS(svg.namespaceURI, "path"));
  svg.firstChild.setAttribute("d", path);
  picture.append(svg);
  return picture;
}
