//! yamux over the WebSocket.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use yamux::{Config, Connection, Mode, Stream};

use super::websocket_queue::Pipe;

/// Streams in one tunnel: what a bridge bears (section 8).
pub(super) const MAX_STREAMS: usize = 128;
/// What yamux lets each stream hold unread.
const CREDIT: usize = 256 << 10;
/// What all streams together may hold above that, where the way is long and fast.
const MORE_CREDIT: usize = 16 << 20;
/// The longest frame, so that files take turns.
const FRAME: usize = 64 << 10;

/// An open tunnel.
pub(super) struct Tunnel {
    mux: Connection<Pipe>,
    pub(super) pipe: Pipe,
}

impl Tunnel {
    pub(super) fn new() -> Self {
        let pipe = Pipe::default();
        let mut config = Config::default();
        // In this order: each is checked against the other.
        config
            .set_max_num_streams(MAX_STREAMS)
            .set_max_connection_receive_window(Some(MAX_STREAMS * CREDIT + MORE_CREDIT))
            .set_split_send_size(FRAME);
        Self { mux: Connection::new(pipe.clone(), config, Mode::Client), pipe }
    }

    /// A new stream. Nothing of it is sent before something is written to it.
    pub(super) fn open(&mut self, cx: &mut Context<'_>) -> Option<Stream> {
        match self.mux.poll_new_outbound(cx) {
            Poll::Ready(Ok(stream)) => Some(stream),
            Poll::Ready(Err(_)) | Poll::Pending => None,
        }
    }

    /// Moves everything, and returns a stream that the bridge opened; an error is the end.
    pub(super) fn turn(&mut self, cx: &mut Context<'_>) -> Result<Option<Stream>, &'static str> {
        match self.mux.poll_next_inbound(cx) {
            Poll::Ready(Some(Ok(stream))) => Ok(Some(stream)),
            Poll::Ready(Some(Err(_))) => Err("expected frames of yamux, got something else"),
            Poll::Ready(None) => Err("the bridge ended the tunnel"),
            Poll::Pending => Ok(None),
        }
    }
}

/// Knows whether a part of yamux wants to be looked at again.
#[derive(Default)]
pub(super) struct Woken(AtomicBool);

impl Woken {
    pub(super) fn waker() -> (Arc<Self>, Waker) {
        let woken = Arc::<Self>::default();
        (Arc::clone(&woken), Waker::from(woken))
    }

    /// Since this was asked last.
    pub(super) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
