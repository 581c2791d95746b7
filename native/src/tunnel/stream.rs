//! A stream of a tunnel, whose bytes are metered.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::Stream as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt as _};
use yamux::Packet;

use super::meter::Meter;

/// Raw bytes in both directions, each closed independently.
#[derive(Debug)]
pub struct Stream {
    inner: Compat<yamux::Stream>,
    meter: Arc<Meter>,
}

impl Stream {
    /// Wraps a stream that `meter` counts since it was opened.
    pub(super) fn new(stream: yamux::Stream, meter: Arc<Meter>) -> Self {
        Self { inner: stream.compat(), meter }
    }

    /// True if both directions are closed, or the stream was reset.
    pub fn is_closed(&self) -> bool {
        self.inner.get_ref().is_closed()
    }

    /// Receives the next bytes without a copy. They count as unconsumed until [`Stream::consumed`].
    pub(super) fn poll_packet(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Packet>>> {
        Pin::new(self.inner.get_mut()).poll_next(cx).map_err(io::Error::from)
    }

    pub(super) fn consumed(&self, bytes: usize) {
        self.meter.consumed(self.id(), bytes);
    }

    /// Waits until bytes can be written, and returns how many are worth reading for this stream.
    pub(super) fn poll_credit(&self, cx: &mut Context<'_>) -> Poll<usize> {
        if self.inner.get_ref().is_write_closed() || self.is_closed() {
            return Poll::Ready(usize::MAX);
        }
        self.meter.poll_credit(self.id(), cx)
    }

    fn id(&self) -> u32 {
        self.inner.get_ref().id().val()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.meter.dropped(self.id());
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        self.consumed(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, buf))?;
        self.meter.written(self.id(), written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
