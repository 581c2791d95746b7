/**
 * Calls for attention while the page is hidden: by a notification, a sound and a badge, if the user wants that.
 * The browser is asked for permission only when the user switches it on.
 */
import { kept, keep } from "./browser_storage.js";

let badge = 0;
let audio;

export const canNotify = "Notification" in self;

/** Returns true if the user has switched it on, and the browser allows it. */
export const isOn = () => canNotify && Notification.permission === "granted" && kept("attention") === "on";

/** Returns true if the user was never asked. */
export const isUndecided = () => canNotify && Notification.permission === "default" && kept("attention") === undefined;

/** Switches it on, which may ask for permission, or off. Resolves to whether it is on. */
export async function set(on) {
  keep("attention", on ? "on" : "off");
  if (on) {
    // Only a click may make sounds later.
    audio ??= "AudioContext" in self ? new AudioContext() : undefined;
    audio?.resume();
    if (canNotify && Notification.permission === "default") await Notification.requestPermission();
  }
  return isOn();
}

/** Tells the user something that happened, unless the page is on the screen. `tag` replaces what had the same. */
export function call(tag, text) {
  if (!document.hidden || !isOn()) return;
  badge += 1;
  navigator.setAppBadge?.(badge).catch(() => {});
  try {
    const shown = new Notification("XCHER", { body: text, tag, icon: document.querySelector("#home-link img").src });
    shown.onclick = () => {
      focus();
      shown.close();
    };
  } catch {
    // Some phones allow notifications of service workers alone.
  }
  beep();
}

/** Two short, quiet tones. */
function beep() {
  if (audio?.state !== "running") return;
  for (const [at, pitch] of [[0, 660], [0.18, 880]]) {
    const tone = new OscillatorNode(audio, { frequency: pitch });
    const volume = new GainNode(audio, { gain: 0.08 });
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + at);
    tone.stop(audio.currentTime + at + 0.14);
  }
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden || !badge) return;
  badge = 0;
  navigator.clearAppBadge?.().catch(() => {});
});
