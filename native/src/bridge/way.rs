//! What a stream of a tunnel is joined to: a socket, or a stream of another tunnel.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tracing::debug;

use super::carry::{carry, carry_tcp};
use super::mux::Stream;

/// Bytes on their way between two tunnels of this bridge, each way.
const JOINED: usize = 32 << 10;

/// The other side of a connection that goes through a tunnel. Dropped before both ways are closed, it
/// is reset: what was cut is not to look whole.
pub(crate) enum Way {
    Tcp(TcpStream),
    /// From another tunnel of this bridge.
    Joined(End),
}

impl Way {
    pub(crate) fn tcp(socket: TcpStream) -> Self {
        // These fail only on a connection that is over.
        let _ = socket.set_nodelay(true);
        let _ = socket.set_zero_linger();
        Self::Tcp(socket)
    }

    /// Two that are joined to each other.
    pub(super) fn pair() -> (Self, Self) {
        let (ours, theirs) = tokio::io::duplex(JOINED);
        let cut = <[Arc<AtomicBool>; 2]>::default();
        let [cut_here, cut_there] = cut.clone();
        let here = End { pipe: ours, cut: cut_here, cut_there, closed: false };
        let [cut_there, cut_here] = cut;
        let there = End { pipe: theirs, cut: cut_here, cut_there, closed: false };
        (Self::Joined(here), Self::Joined(there))
    }

    /// Carries bytes to and from a stream until both are closed, or either broke.
    pub(crate) async fn carry(self, mut stream: Stream) {
        let carried = match self {
            Self::Tcp(socket) => carry_tcp(&mut stream, socket).await,
            Self::Joined(mut end) => carry(&mut stream, &mut end).await,
        };
        debug!(?carried, "connection ended");
    }
}

/// One end of a pipe that, other than the pipe itself, tells being cut from being closed.
pub(crate) struct End {
    pipe: DuplexStream,
    /// This end was dropped before it was closed.
    cut: Arc<AtomicBool>,
    /// The other end was.
    cut_there: Arc<AtomicBool>,
    closed: bool,
}

impl Drop for End {
    fn drop(&mut self) {
        // Before the pipe is dropped, which is when the other end looks.
        self.cut.store(!self.closed, Ordering::Release);
    }
}

impl AsyncRead for End {
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

impl AsyncWrite for End {
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
