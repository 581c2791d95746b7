/** The WebRTC connections of a page. */

/** Keeps those that a page makes once it is loaded anew. */
export const watch = (page) =>
  page.evaluateOnNewDocument(() => {
    globalThis.made = [];
    const Real = globalThis.RTCPeerConnection;
    globalThis.RTCPeerConnection = class extends Real {
      constructor(...options) {
        super(...options);
        made.push(this);
      }
    };
  });

export const made = (user) => user.page.evaluate(() => made.length);

/** Waits until one is open. */
export const isLinked = (user) =>
  user.page.waitForFunction(() => made.some(({ connectionState }) => connectionState === "connected"));

/** Waits until none is. */
export const isUnlinked = (user) =>
  user.page.waitForFunction(() => made.every(({ connectionState }) => connectionState !== "connected"));

export const cut = (user) => user.page.evaluate(() => made.forEach((connection) => connection.close()));

/** Returns the bytes that came over their data channels. */
export const received = (user) =>
  user.page.evaluate(async () => {
    let bytes = 0;
    for (const connection of made) {
      for (const [, report] of await connection.getStats()) {
        if (report.type === "data-channel") bytes += report.bytesReceived;
      }
    }
    return bytes;
  });

/** Opens the page as a user with this choice about direct links, who is online. */
export async function visitWith(policy, visit, nick) {
  const user = await visit();
  await watch(user.page);
  await user.page.evaluate((policy) => (localStorage.direct = policy), policy);
  await user.page.reload();
  await user.join(nick);
  await user.online();
  return user;
}
