//! Bytes between a stream of a tunnel and what it is joined to.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use yamux::Packet;

use super::mux::Stream;
use crate::net::read_buffer::ReadBuffer;

/// What is taken from a stream at a time: one long frame, or many short ones.
const BYTES: usize = 64 << 10;
const PACKETS: usize = 64;
/// Who moves so much at a time lets the others have a turn.
const MUCH: usize = 16 << 10;

/// Who took so much, and more is to come, is taking a file.
const FILE: u64 = 64 << 10;
/// Whoever takes a file and ends its own way has closed that way alone, or is gone: then what is sent
/// next comes back as a reset within this time. A stream that was told of the end before can no longer
/// be told of the reset.
const GONE_OR_CLOSED: Duration = Duration::from_millis(100);

/// Carries bytes both ways until both are closed; each way closes on its own.
///
/// # Errors
///
/// If either side broke. That one which did not is not to be closed as if all had come.
pub(super) async fn carry(
    stream: &mut Stream,
    socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> io::Result<()> {
    let (mut out, mut back) = (Out::default(), Back::default());
    poll_fn(|cx| {
        // Each goes on while the other waits.
        let sent = out.poll(cx, stream, socket, back.ended)?;
        let came = back.poll(cx, stream, socket, out.is_moving())?;
        if sent.is_ready() && came.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}

/// As [`carry`], with a socket that is reset where it is dropped before.
pub(super) async fn carry_tcp(stream: &mut Stream, mut socket: TcpStream) -> io::Result<()> {
    carry(stream, &mut socket).await?;
    socket2::SockRef::from(&socket).set_linger(None)
}

/// From the stream to the socket, without a copy.
#[derive(Default)]
struct Out {
    packets: VecDeque<Packet>,
    bytes: usize,
    /// How much of the first packet is gone.
    gone: usize,
    /// How much went in all.
    sent: u64,
    ended: bool,
    done: bool,
}

impl Out {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        socket: &mut (impl AsyncWrite + Unpin),
        back_ended: bool,
    ) -> Poll<io::Result<()>> {
        while !self.done {
            let empty = self.gather(cx, stream, back_ended)?.is_pending();
            if self.packets.is_empty() {
                if empty {
                    return Poll::Pending;
                }
                ready!(Pin::new(&mut *socket).poll_shutdown(cx))?;
                self.done = true;
                break;
            }
            let mut slices = [IoSlice::new(&[]); PACKETS];
            for (slice, packet) in slices.iter_mut().zip(&self.packets) {
                *slice = IoSlice::new(packet.as_ref());
            }
            slices[0].advance(self.gone);
            let slices = &slices[..self.packets.len()];
            let sent = ready!(Pin::new(&mut *socket).poll_write_vectored(cx, slices))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(sent, stream);
        }
        Poll::Ready(Ok(()))
    }

    /// Takes what the stream has; done when that was its end, or enough.
    fn gather(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        back_ended: bool,
    ) -> Poll<io::Result<()>> {
        while !self.ended && self.bytes < BYTES && self.packets.len() < PACKETS {
            match ready!(stream.poll_packet(cx)) {
                Some(packet) => {
                    let packet = packet?;
                    // What is left of the one that brought the first line.
                    if !packet.as_ref().is_empty() {
                        self.bytes += packet.as_ref().len();
                        self.packets.push_back(packet);
                    }
                }
                // Its other way is not closed by us: then it was reset.
                None if !back_ended && stream.is_closed() => {
                    return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
                }
                None => self.ended = true,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Whether it is a file on its way, as far as can be seen.
    fn is_moving(&self) -> bool {
        self.sent > FILE && !self.done
    }

    fn advance(&mut self, count: usize, stream: &Stream) {
        self.sent += count as u64;
        self.gone += count;
        while let Some(first) = self.packets.front()
            && first.as_ref().len() <= self.gone
        {
            self.gone -= first.as_ref().len();
            self.bytes -= first.as_ref().len();
            stream.taken(first.as_ref().len());
            self.packets.pop_front();
        }
        if self.packets.is_empty() {
            // An idle stream keeps no room.
            self.packets = VecDeque::new();
        }
    }
}

/// From the socket to the stream.
#[derive(Default)]
struct Back {
    piece: Option<ReadBuffer>,
    /// The socket's end came, and waits to be told.
    waits: Option<Pin<Box<Sleep>>>,
    /// The stream is told that nothing more comes.
    ended: bool,
}

impl Back {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        socket: &mut (impl AsyncRead + Unpin),
        out_moves: bool,
    ) -> Poll<io::Result<()>> {
        while !self.ended {
            if let Some(waits) = &mut self.waits {
                if out_moves {
                    ready!(waits.as_mut().poll(cx));
                }
                ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
                self.ended = true;
                self.waits = None;
                break;
            }
            let piece = match &mut self.piece {
                Some(piece) => piece,
                None => {
                    // So that nothing is held for a stream that takes nothing.
                    let most = ready!(stream.poll_credit(cx));
                    let socket = Pin::new(&mut *socket);
                    let piece = ready!(ReadBuffer::poll_read_up_to(most, socket, cx))?;
                    self.piece.insert(piece)
                }
            };
            if piece.unread().is_empty() {
                self.waits = Some(Box::pin(sleep(GONE_OR_CLOSED)));
                self.piece = None;
                continue;
            }
            let sent = ready!(Pin::new(&mut *stream).poll_write(cx, piece.unread()))?;
            piece.advance(sent);
            if piece.unread().is_empty() {
                self.piece = None;
                if sent >= MUCH {
                    // The tunnel sends it first, while it is in the processor's caches and before
                    // more memory is needed.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}
