// WebRTC in one process: connections that find each other by their descriptions, and one channel each.

class FakeChannel {
  binaryType = "blob";
  readyState = "connecting";
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  onopen = null;
  onmessage = null;
  onclose = null;
  onbufferedamountlow = null;
  #other;
  #owner;

  constructor(label, options, owner) {
    Object.assign(this, { label, options });
    this.#owner = owner;
  }

  open(other) {
    this.#other = other;
    this.readyState = "open";
    this.onopen?.();
  }

  send(bytes) {
    if (this.readyState !== "open") throw new Error("InvalidStateError");
    const { length } = bytes;
    this.bufferedAmount += length;
    const { seen } = this.#owner;
    seen.mostBuffered = Math.max(seen.mostBuffered, this.bufferedAmount);
    seen.longest = Math.max(seen.longest, length);
    seen.bytes += length;
    if (seen.bytes > seen.cutAfter) return setImmediate(() => this.#owner.fail());
    const copy = bytes.slice().buffer;
    setImmediate(() => {
      const before = this.bufferedAmount;
      this.bufferedAmount -= length;
      if (this.#other.readyState === "open") this.#other.onmessage?.({ data: copy });
      const low = this.bufferedAmountLowThreshold;
      if (before > low && this.bufferedAmount <= low && this.readyState === "open") this.onbufferedamountlow?.();
    });
  }

  close() {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    const other = this.#other;
    setImmediate(() => other?.readyState === "open" && ((other.readyState = "closed"), other.onclose?.()));
  }
}

/**
 * Makes a class for `globalThis.RTCPeerConnection`, and takes it away when the test ends. `seen` counts what it did;
 * `cutAfter` is the number of bytes after which a connection fails, `garbage` a description that it gives.
 */
export function fakeRtc(t, { cutAfter = Infinity, garbage } = {}) {
  const seen = { made: 0, open: 0, closed: 0, bytes: 0, mostBuffered: 0, longest: 0, cutAfter, options: [] };
  const all = new Map();
  class FakeConnection {
    connectionState = "new";
    signalingState = "stable";
    iceGatheringState = "complete";
    onconnectionstatechange = null;
    localDescription = null;
    seen = seen;
    #number = (seen.made += 1);
    #remote;
    channel;

    constructor(options) {
      seen.options.push(options);
      all.set(this.#number, this);
    }

    createDataChannel(label, options) {
      return (this.channel = new FakeChannel(label, options, this));
    }

    async setLocalDescription() {
      const type = this.#remote ? "answer" : "offer";
      this.localDescription = { type, sdp: garbage ?? `v=0\r\nfake ${this.#number}\r\n` };
      this.#connect();
    }

    async setRemoteDescription({ sdp }) {
      const found = /^v=0\r\nfake (\d+)\r\n$/.exec(sdp);
      if (!found) throw new Error("this is no description");
      this.#remote = all.get(Number(found[1]));
      this.#connect();
    }

    get isReady() {
      return this.localDescription && this.#remote;
    }

    #connect() {
      if (!this.isReady || !this.#remote.isReady) return;
      const [one, other] = [this, this.#remote];
      setImmediate(() => {
        seen.open += 1;
        one.channel.open(other.channel);
        other.channel.open(one.channel);
      });
    }

    fail() {
      for (const one of [this, this.#remote]) {
        if (one.connectionState === "failed" || one.signalingState === "closed") continue;
        one.connectionState = "failed";
        one.channel.readyState = "closed";
        one.onconnectionstatechange?.();
      }
    }

    close() {
      if (this.signalingState !== "closed") seen.closed += 1;
      this.signalingState = "closed";
      this.channel?.close();
    }
  }
  globalThis.RTCPeerConnection = FakeConnection;
  t.after(() => delete globalThis.RTCPeerConnection);
  return seen;
}
