/** Reads a QR code by the camera. Loaded only when a user asks for it. */
import { $, element } from "./element.js";
import { put } from "./language.js";

/** Time between two looks, in milliseconds. */
const LOOK_INTERVAL = 150;

const dialog = $("camera");

/** Returns the text of the first QR code that the camera sees, or undefined if the user closes the dialog. */
export async function scan() {
  let open = true;
  let stream;
  const closed = new Promise((resolve) => {
    dialog.onclose = () => {
      open = false;
      $("camera-view").replaceChildren();
      for (const track of stream?.getTracks() ?? []) track.stop();
      resolve();
    };
  });
  $("camera-close").onclick = () => dialog.close();
  put($("camera-state"), "camera-starting");
  dialog.showModal();
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    // The user may have closed the dialog while the browser asked.
    if (!open) return dialog.onclose();
    const video = element("video", { muted: true, playsInline: true, srcObject: stream });
    $("camera-view").replaceChildren(video);
    await video.play();
    put($("camera-state"), "camera-hint");
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    while (open) {
      const [found] = await detector.detect(video);
      if (found && open) {
        dialog.close();
        return found.rawValue;
      }
      await Promise.race([closed, new Promise((later) => setTimeout(later, LOOK_INTERVAL))]);
    }
  } catch ({ name, message }) {
    if (!open) return undefined;
    put($("camera-state"), name === "NotAllowedError" ? "camera-denied" : "camera-failed", { detail: message });
    await closed;
  }
  return undefined;
}
