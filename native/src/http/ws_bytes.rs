//! A WebSocket as a stream of bytes.

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use super::frames::{Came, Frames, append_frame, append_head};
use crate::net::read_buffer::ReadBuffer;

/// The bytes of a tunnel's binary messages, one after the other.
///
/// Writes are gathered into messages of at most 65 KiB, sent when full and when flushed; a long one
/// goes out as it is, and only what the socket does not take at once is copied. At most 64 KiB that
/// came are held, and two messages that go: beyond that, who does not read is not written to. Who
/// has nothing to say holds no buffer.
/// A Close, or the end of the connection, is the end of the bytes; so is the front's stop.
/// A shutdown sends a Close.
///
/// # Errors
///
/// `InvalidData` for a text message, one longer than 1 MiB and anything else that is not allowed,
/// each told to the client in a Close; `TimedOut` for a client that is silent for 60 s though
/// pinged, or takes less than a message in as long; `BrokenPipe` for a write after a Close.
pub struct WsBytes(Box<Inner>);

/// Kept in one place: who holds a tunnel hands it on again and again.
struct Inner {
    socket: TokioIo<Upgraded>,
    reached_at: IpAddr,
    frames: Frames,
    /// What came and was not read.
    came: Option<ReadBuffer>,
    /// What was written and is not a message yet.
    gathered: Vec<u8>,
    /// Whole frames, less what the socket took of the first.
    out: Vec<u8>,
    /// How much of that is gone.
    gone: usize,
    heard: Instant,
    /// Looks whether the client is silent.
    silence: Pin<Box<Sleep>>,
    /// Whether the client was pinged since something came.
    pinged: bool,
    /// Since when a message waits to be taken; none while none does.
    blocked: Option<Pin<Box<Sleep>>>,
    /// Done when the front stops.
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Nothing more comes.
    ended: bool,
    /// A Close was sent.
    closed: bool,
}

/// The longest message that is sent: 64 KiB of a stream and what the multiplexer says of them.
const MESSAGE: usize = 65 * 1024;
/// What is at least as long is sent at once, and not gathered.
const LONG: usize = 4 * 1024;
/// One message that does not go out yet, its head and answers to pings.
const MAX_OUT: usize = MESSAGE + 1024;
/// A client that is silent for as long is pinged; for as long again, given up.
const PING_AFTER: Duration = Duration::from_secs(30);
/// The longest that a client may take for a message.
const BLOCKED_FOR: Duration = Duration::from_secs(60);
/// The longest reason that a Close has room for (RFC 6455, section 5.5).
const REASON: usize = 123;

impl WsBytes {
    pub(super) fn new(socket: Upgraded, reached_at: IpAddr, closing: CancellationToken) -> Self {
        Self(Box::new(Inner {
            socket: TokioIo::new(socket),
            reached_at,
            frames: Frames::default(),
            came: None,
            gathered: Vec::new(),
            out: Vec::new(),
            gone: 0,
            heard: Instant::now(),
            silence: Box::pin(sleep(PING_AFTER)),
            pinged: false,
            blocked: None,
            closing: Box::pin(closing.cancelled_owned()),
            ended: false,
            closed: false,
        }))
    }

    /// The address of this host that the client, or the proxy before it, connected to.
    pub fn reached_at(&self) -> IpAddr {
        self.0.reached_at
    }
}

impl Inner {
    /// Takes what came up to the first thing that is not bytes.
    fn take(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> io::Result<()> {
        let Some(piece) = &mut self.came else { return Ok(()) };
        match self.frames.receive(piece.unread(), buf) {
            Ok((taken, event)) => {
                piece.advance(taken);
                if piece.unread().is_empty() {
                    self.came = None;
                }
                match event {
                    Some(Came::Ping(payload)) => self.answer(cx, &payload),
                    Some(Came::Close) => {
                        self.ended = true;
                        self.close(cx, CloseCode::Normal, "");
                    }
                    None => {}
                }
                Ok(())
            }
            Err(error) => {
                let text = error.to_string();
                self.end(cx, error.code, &text);
                Err(io::Error::new(io::ErrorKind::InvalidData, text))
            }
        }
    }

    /// Waits until something came, or nothing more comes.
    fn poll_come(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.closing.as_mut().poll(cx).is_ready() {
                self.end(cx, CloseCode::Away, "the bridge stops");
                return Poll::Ready(Ok(()));
            }
            match ReadBuffer::poll_read_up_to(usize::MAX, Pin::new(&mut self.socket), cx) {
                Poll::Ready(Ok(piece)) => {
                    if piece.unread().is_empty() {
                        self.ended = true;
                    } else {
                        self.heard = Instant::now();
                        self.pinged = false;
                        self.came = Some(piece);
                    }
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Err(error)) => {
                    self.ended = true;
                    return Poll::Ready(Err(error));
                }
                Poll::Pending => ready!(self.poll_silence(cx))?,
            }
        }
    }

    /// Done when the client was silent so long that it was pinged, or is given up.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.send_some(cx);
        ready!(self.silence.as_mut().poll(cx));
        let look_at = self.heard + PING_AFTER;
        if look_at > Instant::now() {
            self.silence.as_mut().reset(look_at);
            return Poll::Ready(Ok(()));
        }
        if self.pinged {
            self.end(cx, CloseCode::Policy, "silent for 60 s");
            return Poll::Ready(Err(silent()));
        }
        self.silence.as_mut().reset(Instant::now() + PING_AFTER);
        // Who does not take what is written is not asked: the writer gives up by itself.
        if self.blocked.is_none() {
            self.pinged = true;
            append_frame(&mut self.out, OpCode::Control(Control::Ping), &[]);
            self.send_some(cx);
        }
        Poll::Ready(Ok(()))
    }

    /// Answers a ping. Who does not take the answers gets no more of them.
    fn answer(&mut self, cx: &mut Context<'_>, payload: &[u8]) {
        if !self.closed && self.out.len() - self.gone + payload.len() < MAX_OUT {
            append_frame(&mut self.out, OpCode::Control(Control::Pong), payload);
            self.send_some(cx);
        }
    }

    /// Nothing more comes, and why.
    fn end(&mut self, cx: &mut Context<'_>, code: CloseCode, reason: &str) {
        self.ended = true;
        self.came = None;
        self.close(cx, code, reason);
    }

    /// Says Close as far as it goes at once: whoever does not take it is closed without.
    fn close(&mut self, cx: &mut Context<'_>, code: CloseCode, reason: &str) {
        if self.closed {
            return;
        }
        self.closed = true;
        self.gathered = Vec::new();
        let mut payload = u16::from(code).to_be_bytes().to_vec();
        payload.extend_from_slice(&reason.as_bytes()[..reason.floor_char_boundary(REASON)]);
        append_frame(&mut self.out, OpCode::Control(Control::Close), &payload);
        self.send_some(cx);
    }

    /// Sends what goes at once. While the writer waits, the socket is to wake only it; a failure is
    /// the next write's to tell.
    fn send_some(&mut self, cx: &mut Context<'_>) {
        if self.blocked.is_none() && !self.out.is_empty() {
            let _ = self.poll_out(cx);
        }
    }

    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.gone < self.out.len() {
            let sent = Pin::new(&mut self.socket).poll_write(cx, &self.out[self.gone..]);
            match ready!(sent)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.gone += count,
            }
        }
        (self.out, self.gone) = (Vec::new(), 0);
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    /// Sends a message of what was gathered and, as far as there is room, of `more`; returns how
    /// much of that.
    fn poll_message(&mut self, cx: &mut Context<'_>, more: &[u8]) -> Poll<io::Result<usize>> {
        if !self.out.is_empty() {
            let sent = self.poll_out(cx);
            ready!(self.unblocked(cx, sent))?;
        }
        let more = &more[..more.len().min(MESSAGE - self.gathered.len())];
        let mut head = Vec::with_capacity(10);
        append_head(&mut head, OpCode::Data(Data::Binary), self.gathered.len() + more.len());
        let parts = [&head[..], &self.gathered[..], more];
        let slices = parts.map(IoSlice::new);
        let sent = Pin::new(&mut self.socket).poll_write_vectored(cx, &slices);
        let mut sent = ready!(self.unblocked(cx, sent))?;
        for part in [&head[..], &self.gathered[..], more] {
            let rest = part.get(sent..).unwrap_or_default();
            self.out.extend_from_slice(rest);
            sent = sent.saturating_sub(part.len());
        }
        self.gathered = Vec::new();
        Poll::Ready(Ok(more.len()))
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.gathered.is_empty() {
            ready!(self.poll_message(cx, &[]))?;
        }
        let sent = self.poll_out(cx);
        self.unblocked(cx, sent)
    }

    /// Gives up the client that has taken nothing for too long.
    fn unblocked<T>(
        &mut self,
        cx: &mut Context<'_>,
        sent: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if sent.is_ready() {
            self.blocked = None;
            return sent;
        }
        let blocked = self.blocked.get_or_insert_with(|| Box::pin(sleep(BLOCKED_FOR)));
        ready!(blocked.as_mut().poll(cx));
        self.closed = true;
        Poll::Ready(Err(silent()))
    }
}

impl AsyncRead for WsBytes {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let inner = &mut *self.0;
        let before = buf.filled().len();
        loop {
            inner.take(cx, buf)?;
            if buf.filled().len() > before || inner.ended || buf.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if inner.came.is_none() {
                ready!(inner.poll_come(cx))?;
            }
        }
    }
}

impl AsyncWrite for WsBytes {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let inner = &mut *self.0;
        if inner.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if buf.len() >= LONG || inner.gathered.len() + buf.len() > MESSAGE {
            return inner.poll_message(cx, buf);
        }
        inner.gathered.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.0.closed {
            return Poll::Ready(Ok(()));
        }
        self.0.poll_sent(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let inner = &mut *self.0;
        if !inner.closed {
            ready!(inner.poll_sent(cx))?;
            inner.close(cx, CloseCode::Normal, "");
        }
        // Who is gone already needs no Close.
        let sent = inner.poll_out(cx).map(|_| Ok(()));
        inner.unblocked(cx, sent)
    }
}

fn silent() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "expected an answer within 60 s, got none")
}
