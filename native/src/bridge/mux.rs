//! Many streams over one tunnel: yamux, and the task that keeps it moving.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio_util::compat::TokioAsyncReadCompatExt as _;
use xcher_core::tunnel::MAX_FIRST_LINE_LEN;
use yamux::{Config, Connection, Mode};

use super::frame_heads::Heads;
use super::meter::Meter;
pub use super::stream::Stream;

/// Streams that a client may have opened in one tunnel. Sixteen files each way in a session take about
/// seventy.
pub const MAX_STREAMS: usize = 128;
/// Streams of one tunnel that bring someone who came to a listener.
pub const MAX_VISITS: usize = 64;
/// Streams in all, with a few that are being refused. One more is not opened.
const ALL_STREAMS: usize = MAX_STREAMS + MAX_VISITS + 64;
/// The credit of one tunnel's streams together: the least that yamux takes for so many, and room for
/// those whose way is fast and long. What really comes is bounded by [`Meter`].
const WINDOW: usize = ALL_STREAMS * (256 << 10) + (4 << 20);

/// Opens streams of a tunnel.
#[derive(Clone, Debug)]
pub struct Opener(Weak<Mutex<Requests>>);

/// Streams that are to be opened. It lives as long as the tunnel runs.
#[derive(Debug, Default)]
struct Requests {
    waiting: VecDeque<oneshot::Sender<io::Result<Stream>>>,
    /// Wakes the tunnel.
    waker: Option<Waker>,
}

impl Opener {
    /// A new stream. Nothing of it is sent before something is written to it.
    ///
    /// # Errors
    ///
    /// If the tunnel is gone, or has as many streams as it may.
    pub async fn open(&self) -> io::Result<Stream> {
        let (reply, stream) = oneshot::channel();
        let gone = || io::Error::new(io::ErrorKind::NotConnected, "the tunnel is gone");
        {
            let requests = self.0.upgrade().ok_or_else(gone)?;
            let mut requests = lock(&requests);
            requests.waiting.push_back(reply);
            if let Some(waker) = requests.waker.take() {
                waker.wake();
            }
        }
        stream.await.map_err(|_| gone())?
    }
}

/// Runs yamux over `socket`, as the side that connected (`Mode::Client`) or the other.
///
/// Every stream that the other side opens is given to `inbound`. Nothing moves but while the future
/// is polled; it ends with the tunnel.
///
/// # Errors
///
/// If the tunnel broke.
pub fn run<S>(
    socket: S,
    mode: Mode,
    mut inbound: impl FnMut(Stream) + Send,
) -> (Opener, impl Future<Output = io::Result<()>> + Send)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut config = Config::default();
    // In this order: each is checked against the other.
    config.set_max_num_streams(ALL_STREAMS).set_max_connection_receive_window(Some(WINDOW));
    config.set_split_send_size(64 << 10);
    // Boxed: yamux moves it about at each turn.
    let meter = Arc::<Meter>::default();
    let turns = Turns {
        socket: Box::new(socket),
        read: 0,
        meter: Arc::clone(&meter),
        came: Heads::default(),
        left: Heads::default(),
    };
    let mut connection = Connection::new(turns.compat(), config, mode);
    let requests = Arc::<Mutex<Requests>>::default();
    let opener = Opener(Arc::downgrade(&requests));
    let mut request = None;
    let run = poll_fn(move |context| {
        loop {
            if request.is_none() {
                let mut requests = lock(&requests);
                request = requests.waiting.pop_front();
                if request.is_none() {
                    // Idle, it keeps no room.
                    requests.waiting = VecDeque::new();
                    requests.waker = Some(context.waker().clone());
                }
            }
            if request.is_some()
                && let Poll::Ready(opened) = connection.poll_new_outbound(context)
                && let Some(reply) = request.take()
            {
                // Whoever asked may not want it any more.
                let metered = |stream: yamux::Stream| {
                    meter.opened(stream.id().val());
                    Stream::new(stream, Arc::clone(&meter))
                };
                let _ = reply.send(opened.map(metered).map_err(broken));
                continue;
            }
            match connection.poll_next_inbound(context) {
                Poll::Ready(Some(Ok(stream))) => {
                    inbound(Stream::new(stream, Arc::clone(&meter)));
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(broken(error))),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    });
    (opener, run)
}

/// A socket that is read a little at a time: what came is used before more comes, while it is in the
/// processor's caches, and instead of memory for more.
struct Turns<S> {
    socket: S,
    /// What was read in this turn.
    read: usize,
    meter: Arc<Meter>,
    came: Heads,
    left: Heads,
}

impl<S> Drop for Turns<S> {
    fn drop(&mut self) {
        self.meter.end();
    }
}

/// What is read in one turn.
const TURN: usize = 64 << 10;

impl<S: AsyncRead + Unpin> AsyncRead for Turns<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read >= TURN {
            self.read = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.meter.poll_room(cx).is_pending() {
            self.read = 0;
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let this = &mut *self;
        let read = Pin::new(&mut this.socket).poll_read(cx, buf);
        let came = &buf.filled()[before..];
        this.came.each(came, |head| this.meter.came(head));
        this.read = if read.is_ready() { this.read + came.len() } else { 0 };
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Turns<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = ready!(Pin::new(&mut this.socket).poll_write(cx, buf))?;
        this.left.each(&buf[..written], |head| this.meter.left(head));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// Reads a stream's first line and not a byte more: what follows it is the connection's.
///
/// # Errors
///
/// If the stream ends before, or the line is too long or no text.
pub async fn first_line(stream: &mut Stream) -> io::Result<String> {
    let mut line = Vec::new();
    while line.len() < MAX_FIRST_LINE_LEN {
        match stream.read_u8().await? {
            b'\n' => {
                let error = |_| io::Error::other("expected a line of UTF-8, got other bytes");
                return String::from_utf8(line).map_err(error);
            }
            byte => line.push(byte),
        }
    }
    Err(io::Error::other(format!(
        "expected a line of at most {MAX_FIRST_LINE_LEN} bytes, got more"
    )))
}

fn broken(error: yamux::ConnectionError) -> io::Error {
    match error {
        yamux::ConnectionError::Io(error) => error,
        error => io::Error::other(error),
    }
}

fn lock(requests: &Mutex<Requests>) -> MutexGuard<'_, Requests> {
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}
