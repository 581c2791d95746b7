//! The far end of a tunnel's stream: a socket, or a stream of another tunnel.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tracing::debug;

use super::copy::{copy_both, copy_both_tcp};
use super::stream::Stream;

/// The buffer of a pipe between two tunnels, in each direction.
const PIPE_LEN: usize = 32 << 10;

/// The far end of a connection that passes through a tunnel. Dropped before both directions are
/// closed, it is reset: a connection that was cut must not look complete.
pub(crate) enum Endpoint {
    Tcp(TcpStream),
    /// One end of an in-process pipe to another tunnel of this bridge.
    Pipe(PipeEnd),
}

impl Endpoint {
    pub(crate) fn tcp(socket: TcpStream) -> Self {
        // These fail only on a connection that has ended.
        let _ = socket.set_nodelay(true);
        let _ = socket.set_zero_linger();
        Self::Tcp(socket)
    }

    /// Returns the two ends of an in-process pipe.
    #[cfg_attr(
        not(feature = "bridge"),
        expect(dead_code, reason = "a bridge connects its clients so")
    )]
    pub(crate) fn pipe() -> (Self, Self) {
        let (ours, theirs) = tokio::io::duplex(PIPE_LEN);
        let cut = <[Arc<AtomicBool>; 2]>::default();
        let [cut_here, cut_there] = cut.clone();
        let here = PipeEnd { pipe: ours, cut: cut_here, cut_there, closed: false };
        let [cut_there, cut_here] = cut;
        let there = PipeEnd { pipe: theirs, cut: cut_here, cut_there, closed: false };
        (Self::Pipe(here), Self::Pipe(there))
    }

    /// Copies bytes to and from a stream until both directions are closed, or either side fails.
    pub(crate) async fn copy(self, mut stream: Stream) {
        let copied = match self {
            Self::Tcp(socket) => copy_both_tcp(&mut stream, socket).await,
            Self::Pipe(mut end) => copy_both(&mut stream, &mut end).await,
        };
        debug!(?copied, "connection ended");
    }
}

/// One end of a pipe that, unlike the pipe itself, distinguishes a cut from a close.
pub(crate) struct PipeEnd {
    pipe: DuplexStream,
    /// Set once this end was dropped before it was closed.
    cut: Arc<AtomicBool>,
    /// The same of the other end.
    cut_there: Arc<AtomicBool>,
    closed: bool,
}

impl Drop for PipeEnd {
    fn drop(&mut self) {
        // Set before the pipe is dropped, which makes the other end read it.
        self.cut.store(!self.closed, Ordering::Release);
    }
}

impl AsyncRead for PipeEnd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.pipe).poll_read(cx, buf))?;
        if buf.filled().len() == before && self.cut_there.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PipeEnd {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.pipe).poll_shutdown(cx))?;
        self.closed = true;
        Poll::Ready(Ok(()))
    }
}
