//! Copies bytes between a stream of a tunnel and what it is connected to.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use xcher_core::tunnel::MAX_FRAME_LEN;
use yamux::Packet;

use super::stream::Stream;
use crate::net::read_buffer::ReadBuffer;

/// The most bytes taken from a stream at a time: one long frame, or many short ones.
const MAX_GATHERED_LEN: usize = MAX_FRAME_LEN;
const MAX_GATHERED_PACKETS: usize = 64;
/// Bytes copied in one go after which other streams get their turn.
const YIELD_AFTER: usize = 16 << 10;
/// Bytes after which a stream counts as carrying a file.
const FILE_THRESHOLD: u64 = 64 << 10;
/// Delay before an end of the socket is passed to the stream while a file goes the other way. A host
/// that takes a file and ends its own direction has either closed that direction alone, or has
/// disconnected: then the next bytes sent come back as a reset within this time. A stream that has been
/// closed in this direction could no longer be reset.
const CLOSE_DELAY: Duration = Duration::from_millis(100);

/// Copies bytes in both directions until both are closed; each closes independently.
///
/// # Errors
///
/// If either side failed. The caller must not close the other as if everything had arrived.
pub(crate) async fn copy_both(
    stream: &mut Stream,
    socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> io::Result<()> {
    let (mut to_socket, mut from_socket) = (ToSocket::default(), FromSocket::default());
    poll_fn(|cx| {
        // Each direction proceeds while the other waits.
        let sent = to_socket.poll(cx, stream, socket, from_socket.closed)?;
        let received = from_socket.poll(cx, stream, socket, to_socket.is_sending_a_file())?;
        if sent.is_ready() && received.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}

/// As [`copy_both`], with a socket that is reset if the future is dropped earlier.
pub(super) async fn copy_both_tcp(stream: &mut Stream, mut socket: TcpStream) -> io::Result<()> {
    copy_both(stream, &mut socket).await?;
    socket2::SockRef::from(&socket).set_linger(None)
}

/// The direction from the stream to the socket, without a copy in memory.
#[derive(Default)]
struct ToSocket {
    packets: VecDeque<Packet>,
    /// Bytes in `packets`.
    len: usize,
    /// Bytes of the first packet already written.
    written: usize,
    /// Bytes written in all.
    total: u64,
    /// Set once the stream's end was read.
    ended: bool,
    /// Set once the socket is closed for writing.
    closed: bool,
}

impl ToSocket {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        socket: &mut (impl AsyncWrite + Unpin),
        is_stream_closed_by_us: bool,
    ) -> Poll<io::Result<()>> {
        while !self.closed {
            let is_empty = self.gather(cx, stream, is_stream_closed_by_us)?.is_pending();
            if self.packets.is_empty() {
                if is_empty {
                    return Poll::Pending;
                }
                ready!(Pin::new(&mut *socket).poll_shutdown(cx))?;
                self.closed = true;
                break;
            }
            let mut slices = [IoSlice::new(&[]); MAX_GATHERED_PACKETS];
            for (slice, packet) in slices.iter_mut().zip(&self.packets) {
                *slice = IoSlice::new(packet.as_ref());
            }
            slices[0].advance(self.written);
            let slices = &slices[..self.packets.len()];
            let written = ready!(Pin::new(&mut *socket).poll_write_vectored(cx, slices))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written, stream);
        }
        Poll::Ready(Ok(()))
    }

    /// Takes packets from the stream; ready at its end, or when it has enough.
    fn gather(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        is_stream_closed_by_us: bool,
    ) -> Poll<io::Result<()>> {
        while !self.ended
            && self.len < MAX_GATHERED_LEN
            && self.packets.len() < MAX_GATHERED_PACKETS
        {
            match ready!(stream.poll_packet(cx)) {
                Some(packet) => {
                    let packet = packet?;
                    // The packet that brought the first line may have nothing left.
                    if !packet.as_ref().is_empty() {
                        self.len += packet.as_ref().len();
                        self.packets.push_back(packet);
                    }
                }
                // Closed in both directions, but not by us: the peer reset it, after what it had sent.
                None if !is_stream_closed_by_us && stream.is_closed() => {
                    return match self.packets.is_empty() {
                        true => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                        false => Poll::Ready(Ok(())),
                    };
                }
                None => self.ended = true,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// True if this direction seems to carry a file that is not complete.
    fn is_sending_a_file(&self) -> bool {
        self.total > FILE_THRESHOLD && !self.closed
    }

    fn advance(&mut self, count: usize, stream: &Stream) {
        self.total += count as u64;
        self.written += count;
        while let Some(first) = self.packets.front()
            && first.as_ref().len() <= self.written
        {
            self.written -= first.as_ref().len();
            self.len -= first.as_ref().len();
            stream.consumed(first.as_ref().len());
            self.packets.pop_front();
        }
        if self.packets.is_empty() {
            // An idle stream keeps no memory.
            self.packets = VecDeque::new();
        }
    }
}

/// The direction from the socket to the stream.
#[derive(Default)]
struct FromSocket {
    buffer: Option<ReadBuffer>,
    /// Runs once the socket's end was read, before the stream is closed.
    close_delay: Option<Pin<Box<Sleep>>>,
    /// Set once the stream is closed for writing.
    closed: bool,
}

impl FromSocket {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        socket: &mut (impl AsyncRead + Unpin),
        delays_close: bool,
    ) -> Poll<io::Result<()>> {
        while !self.closed {
            if let Some(delay) = &mut self.close_delay {
                if delays_close {
                    ready!(delay.as_mut().poll(cx));
                }
                ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
                self.closed = true;
                self.close_delay = None;
                break;
            }
            let buffer = match &mut self.buffer {
                Some(buffer) => buffer,
                None => {
                    // Without credit nothing is read, so that no buffer is held for a blocked stream.
                    let max = ready!(stream.poll_credit(cx));
                    let socket = Pin::new(&mut *socket);
                    let buffer = ready!(ReadBuffer::poll_read_up_to(max, socket, cx))?;
                    self.buffer.insert(buffer)
                }
            };
            if buffer.unread().is_empty() {
                self.close_delay = Some(Box::pin(sleep(CLOSE_DELAY)));
                self.buffer = None;
                continue;
            }
            let sent = ready!(Pin::new(&mut *stream).poll_write(cx, buffer.unread()))?;
            buffer.advance(sent);
            if buffer.unread().is_empty() {
                self.buffer = None;
                if sent >= YIELD_AFTER {
                    // The tunnel sends these bytes first, while they are in the processor's caches and
                    // before more memory is needed.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use yamux::Mode;

    use super::*;
    use crate::tunnel::multiplex;

    #[tokio::test]
    async fn bytes_that_came_before_a_reset_are_passed_on() {
        let (near, far) = duplex(64 << 10);
        let inbound = Arc::<Mutex<Vec<Stream>>>::default();
        let opened = Arc::clone(&inbound);
        let (_, accept) =
            multiplex(near, Mode::Server, move |stream| opened.lock().unwrap().push(stream));
        let (opener, run) = multiplex(far, Mode::Client, drop);
        let open = async {
            opener.open().await.unwrap().write_all(b"bytes").await.unwrap();
            opener.close();
        };
        // Both tunnels end before anything is copied.
        let _ = tokio::join!(accept, run, open);
        let mut stream = inbound.lock().unwrap().pop().unwrap();
        let (mut socket, mut end) = duplex(64);
        let error = copy_both(&mut stream, &mut socket).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        drop(socket);
        let mut received = Vec::new();
        end.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"bytes");
    }
}
