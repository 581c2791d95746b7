//! A tunnel: yamux over a WebSocket, or over a data channel of WebRTC, a link. A host has one to its bridge, and for a
//! while another when it connects anew (section 5.9).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use xcher_core::peer::{ConnId, SessionId};
use xcher_core::secure::Side;
use xcher_core::tunnel::{MAX_FRAME_LEN, MAX_STREAMS, STREAM_CREDIT};
use yamux::{Config, Connection, Mode, Stream};

use super::websocket_queue::WebSocketQueue;

/// Credit that all streams share beyond [`STREAM_CREDIT`] each, for connections that are long and fast.
const EXTRA_CREDIT: usize = 16 << 20;

/// A tunnel.
pub(super) struct Tunnel {
    /// The number by which the environment knows its WebSocket, or its connection of WebRTC.
    pub(super) number: u32,
    /// The connection to the relay that is a stream of it, or will be.
    pub(super) relay: Option<ConnId>,
    /// Set once the relay is reached through another: it is closed with its last stream.
    pub(super) is_left: bool,
    /// Present if it leads to a peer, and not to a bridge.
    pub(super) link: Option<Link>,
    /// Present once the WebSocket is open.
    open: Option<Open>,
}

/// What a link is for (section 24).
pub(super) struct Link {
    pub(super) session: SessionId,
    /// This host's side.
    pub(super) side: Side,
    /// Set once its session is over.
    pub(super) closes_at: Option<Duration>,
}

struct Open {
    mux: Connection<WebSocketQueue>,
    queue: WebSocketQueue,
}

impl Tunnel {
    /// Returns a tunnel whose WebSocket is not open yet, for a connection to the relay.
    pub(super) fn new(number: u32, relay: ConnId) -> Self {
        Self { number, relay: Some(relay), is_left: false, link: None, open: None }
    }

    /// Returns a link that is not open yet.
    pub(super) fn link(number: u32, session: SessionId, side: Side) -> Self {
        let link = Some(Link { session, side, closes_at: None });
        Self { number, relay: None, is_left: false, link, open: None }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The WebSocket or data channel is open.
    pub(super) fn opened(&mut self) {
        let queue = WebSocketQueue::default();
        let mut config = Config::default();
        // In this order: yamux checks each against the other.
        config
            .set_max_num_streams(MAX_STREAMS)
            .set_max_connection_receive_window(Some(MAX_STREAMS * STREAM_CREDIT + EXTRA_CREDIT))
            .set_split_send_size(MAX_FRAME_LEN);
        let mode = match self.link {
            Some(Link { side: Side::Caller, .. }) => Mode::Server,
            _ => Mode::Client,
        };
        let mux = Connection::new(queue.clone(), config, mode);
        self.open = Some(Open { mux, queue });
    }

    /// Returns the bytes between yamux and the WebSocket or channel, if that is open.
    pub(super) fn queue(&self) -> Option<&WebSocketQueue> {
        self.open.as_ref().map(|open| &open.queue)
    }

    /// Opens a stream. Nothing is sent before the first write.
    pub(super) fn open(&mut self, cx: &mut Context<'_>) -> Option<Stream> {
        match self.open.as_mut()?.mux.poll_new_outbound(cx) {
            Poll::Ready(Ok(stream)) => Some(stream),
            Poll::Ready(Err(_)) | Poll::Pending => None,
        }
    }

    /// Moves bytes between the streams and the queue. Returns a stream that the bridge opened, if there is
    /// one; an error ends the tunnel.
    pub(super) fn turn(&mut self, cx: &mut Context<'_>) -> Result<Option<Stream>, &'static str> {
        let Some(open) = &mut self.open else { return Ok(None) };
        match open.mux.poll_next_inbound(cx) {
            Poll::Ready(Some(Ok(stream))) => Ok(Some(stream)),
            Poll::Ready(Some(Err(_))) => Err("expected frames of yamux, got something else"),
            Poll::Ready(None) => Err("the bridge ended the tunnel"),
            Poll::Pending => Ok(None),
        }
    }
}

/// Set when a part of yamux must be polled again.
#[derive(Default)]
pub(super) struct WakeFlag(AtomicBool);

impl WakeFlag {
    pub(super) fn waker() -> (Arc<Self>, Waker) {
        let flag = Arc::<Self>::default();
        (Arc::clone(&flag), Waker::from(flag))
    }

    /// Returns true if it was set since the last call.
    pub(super) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
