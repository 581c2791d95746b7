//! Many streams over one tunnel: runs yamux.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio_util::compat::TokioAsyncReadCompatExt as _;
use xcher_core::tunnel::{MAX_FRAME_LEN, MAX_STREAMS, MAX_VISITORS, STREAM_CREDIT};
use yamux::{Config, Connection, Mode};

use super::frame_header::FrameHeaders;
use super::meter::Meter;
use super::stream::Stream;

/// The most streams in all, a few that are being refused included. No more are opened.
const MAX_OPEN_STREAMS: usize = MAX_STREAMS + MAX_VISITORS + 64;
/// The credit of one tunnel's streams together: the least that yamux accepts for so many, and more for
/// those on a fast path with a long round trip. The bytes that really arrive are bounded by [`Meter`].
const MAX_WINDOW: usize = MAX_OPEN_STREAMS * STREAM_CREDIT + (4 << 20);
/// The most bytes read from the tunnel in one turn.
const MAX_READ_PER_TURN: usize = 64 << 10;

/// Opens streams in a tunnel.
#[derive(Clone, Debug)]
pub struct Opener(Weak<Mutex<Requests>>);

/// Streams to be opened. Lives as long as the tunnel runs.
#[derive(Debug, Default)]
struct Requests {
    waiting: VecDeque<oneshot::Sender<io::Result<Stream>>>,
    /// Set once the tunnel is to be closed.
    close: bool,
    /// Wakes the tunnel.
    waker: Option<Waker>,
}

impl Opener {
    /// Opens a stream. Nothing is sent for it before its first byte is written.
    ///
    /// # Errors
    ///
    /// If the tunnel has ended, or has as many streams as it may.
    pub async fn open(&self) -> io::Result<Stream> {
        let (reply, stream) = oneshot::channel();
        let ended = || io::Error::new(io::ErrorKind::NotConnected, "the tunnel has ended");
        {
            let requests = self.0.upgrade().ok_or_else(ended)?;
            let mut requests = lock(&requests);
            requests.waiting.push_back(reply);
            if let Some(waker) = requests.waker.take() {
                waker.wake();
            }
        }
        stream.await.map_err(|_| ended())?
    }

    /// Closes the tunnel once everything that was written to its streams is sent.
    pub fn close(&self) {
        if let Some(requests) = self.0.upgrade() {
            let mut requests = lock(&requests);
            requests.close = true;
            if let Some(waker) = requests.waker.take() {
                waker.wake();
            }
        }
    }
}

/// Runs yamux over `socket`, as the side that connected (`Mode::Client`) or the one that accepted.
///
/// Passes every stream that the peer opens to `inbound`. Makes progress only while the future is
/// polled, which ends with the tunnel.
///
/// # Errors
///
/// The future fails if the tunnel fails.
pub fn multiplex<S>(
    socket: S,
    mode: Mode,
    mut inbound: impl FnMut(Stream) + Send,
) -> (Opener, impl Future<Output = io::Result<()>> + Send)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut config = Config::default();
    // In this order: each is checked against the other.
    config
        .set_max_num_streams(MAX_OPEN_STREAMS)
        .set_max_connection_receive_window(Some(MAX_WINDOW));
    config.set_split_send_size(MAX_FRAME_LEN);
    let meter = Arc::<Meter>::default();
    let metered = Metered {
        // Boxed, because yamux moves it at each turn.
        socket: Box::new(socket),
        read_in_turn: 0,
        meter: Arc::clone(&meter),
        received: FrameHeaders::default(),
        sent: FrameHeaders::default(),
    };
    let mut connection = Connection::new(metered.compat(), config, mode);
    let requests = Arc::<Mutex<Requests>>::default();
    let opener = Opener(Arc::downgrade(&requests));
    let mut request = None;
    let ended = poll_fn(move |context| {
        loop {
            if request.is_none() {
                let mut requests = lock(&requests);
                if requests.close {
                    drop(requests);
                    return connection.poll_close(context).map_err(io_error);
                }
                request = requests.waiting.pop_front();
                if request.is_none() {
                    // An idle tunnel keeps no memory.
                    requests.waiting = VecDeque::new();
                    requests.waker = Some(context.waker().clone());
                }
            }
            if request.is_some()
                && let Poll::Ready(opened) = connection.poll_new_outbound(context)
                && let Some(reply) = request.take()
            {
                let wrap = |stream: yamux::Stream| {
                    meter.opened(stream.id().val());
                    Stream::new(stream, Arc::clone(&meter))
                };
                // The caller may have stopped waiting.
                let _ = reply.send(opened.map(wrap).map_err(io_error));
                continue;
            }
            match connection.poll_next_inbound(context) {
                Poll::Ready(Some(Ok(stream))) => {
                    inbound(Stream::new(stream, Arc::clone(&meter)));
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(io_error(error))),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    });
    (opener, ended)
}

/// A socket that is metered and read a little at a time: bytes are used before more arrive, while they
/// are in the processor's caches, and without memory for more.
struct Metered<S> {
    socket: S,
    /// Bytes read in this turn.
    read_in_turn: usize,
    meter: Arc<Meter>,
    received: FrameHeaders,
    sent: FrameHeaders,
}

impl<S> Drop for Metered<S> {
    fn drop(&mut self) {
        self.meter.end();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read_in_turn >= MAX_READ_PER_TURN {
            self.read_in_turn = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.meter.poll_room(cx).is_pending() {
            self.read_in_turn = 0;
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let this = &mut *self;
        let read = Pin::new(&mut this.socket).poll_read(cx, buf);
        let bytes = &buf.filled()[before..];
        this.received.receive(bytes, |header| this.meter.frame_received(header));
        this.read_in_turn = if read.is_ready() { this.read_in_turn + bytes.len() } else { 0 };
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = ready!(Pin::new(&mut this.socket).poll_write(cx, buf))?;
        this.sent.receive(&buf[..written], |header| this.meter.frame_sent(header));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

fn io_error(error: yamux::ConnectionError) -> io::Error {
    match error {
        yamux::ConnectionError::Io(error) => error,
        error => io::Error::other(error),
    }
}

fn lock(requests: &Mutex<Requests>) -> MutexGuard<'_, Requests> {
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}
