/** Asks a bridge about a token. */

/**
 * Returns the text and values of why the bridge refuses the token, if it does. A WebSocket cannot tell a refusal from
 * an unreachable bridge.
 */
export const refusal = (bridge, token) =>
  fetch(new URL("?check", bridge), token ? { headers: { authorization: `Bearer ${token}` } } : {}).then(
    async (answer) =>
      answer.status === 401 ? ["wrong-token"] : answer.status === 429 && ["bridge-says", { detail: await answer.text() }],
    // A header cannot hold such a token.
    () => /[^!-~]/.test(token ?? "") && ["wrong-token"],
  );
