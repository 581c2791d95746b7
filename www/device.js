/** Kinds of devices: this one, as peers are told, and those that peers say they are. */
import { phrase } from "./element.js";

/** Pixels of CSS on the largest phone, fewer than on the smallest tablet. */
const PHONE_AREA = 5e5;

/** Returns the kind of this device, as far as the browser shows it: what a finger operates is a phone or a tablet. */
export const ownDevice = () =>
  !matchMedia("(pointer: coarse)").matches ? "computer" : screen.width * screen.height < PHONE_AREA ? "phone" : "tablet";

/**
 * Returns a sign of a session's peer, nothing if it names no device. The list of people hides the words of it.
 *
 * @param {{ device?: "phone" | "tablet" | "computer" | "terminal" }} [session]
 */
export const deviceSign = ({ device } = {}) => (device ? phrase("span", { className: "mark device", "data-is": device }, device) : "");
