//! yamux over the WebSocket.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use xcher_core::tunnel::{MAX_FRAME_LEN, MAX_STREAMS, STREAM_CREDIT};
use yamux::{Config, Connection, Mode, Stream};

use super::websocket_queue::WebSocketQueue;

/// Credit that all streams share beyond [`STREAM_CREDIT`] each, for connections that are long and fast.
const EXTRA_CREDIT: usize = 16 << 20;

/// An open tunnel.
pub(super) struct Tunnel {
    mux: Connection<WebSocketQueue>,
    pub(super) queue: WebSocketQueue,
}

impl Tunnel {
    pub(super) fn new() -> Self {
        let queue = WebSocketQueue::default();
        let mut config = Config::default();
        // In this order: yamux checks each against the other.
        config
            .set_max_num_streams(MAX_STREAMS)
            .set_max_connection_receive_window(Some(MAX_STREAMS * STREAM_CREDIT + EXTRA_CREDIT))
            .set_split_send_size(MAX_FRAME_LEN);
        Self { mux: Connection::new(queue.clone(), config, Mode::Client), queue }
    }

    /// Opens a stream. Nothing is sent before the first write.
    pub(super) fn open(&mut self, cx: &mut Context<'_>) -> Option<Stream> {
        match self.mux.poll_new_outbound(cx) {
            Poll::Ready(Ok(stream)) => Some(stream),
            Poll::Ready(Err(_)) | Poll::Pending => None,
        }
    }

    /// Moves bytes between the streams and the queue. Returns a stream that the bridge opened, if there is
    /// one; an error ends the tunnel.
    pub(super) fn turn(&mut self, cx: &mut Context<'_>) -> Result<Option<Stream>, &'static str> {
        match self.mux.poll_next_inbound(cx) {
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
