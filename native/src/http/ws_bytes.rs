//! A WebSocket as a stream of bytes, on the server's side.

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
use xcher_core::registry::Account;

use super::frames::{ControlFrame, Frames, append_frame, append_header};
use crate::net::read_buffer::ReadBuffer;

/// The bytes of a tunnel's binary messages as one stream.
///
/// Writes are gathered into messages of at most 65 KiB, sent when full and when flushed. A long write is
/// sent as it is, and only the bytes that the socket does not accept at once are copied. At most 64 KiB
/// of received bytes are held, and two messages to send: above that, writes wait. An idle tunnel holds no
/// buffer.
/// A Close, or the end of the connection, ends the stream; so does the server's stop.
/// A shutdown sends a Close.
///
/// # Errors
///
/// `InvalidData` for a text message, one longer than 1 MiB and everything else that is not allowed, each
/// reported to the client in a Close; `TimedOut` for a client that is silent for 60 s though pinged, or
/// takes less than a message in that time; `BrokenPipe` for a write after a Close.
pub struct WsBytes(Box<Inner>);

/// Boxed, because a tunnel is moved often.
struct Inner {
    socket: TokioIo<Upgraded>,
    reached_at: IpAddr,
    account: Account,
    frames: Frames,
    /// Bytes received and not parsed yet.
    received: Option<ReadBuffer>,
    /// Bytes written and not part of a message yet.
    gathered: Vec<u8>,
    /// Frames that are being sent.
    out: Vec<u8>,
    /// Bytes of `out` already sent.
    sent: usize,
    received_at: Instant,
    /// Runs until the next check for a silent client.
    silence: Pin<Box<Sleep>>,
    /// Set once the client was pinged since it last sent bytes.
    pinged: bool,
    /// Runs while a message waits to be sent.
    blocked: Option<Pin<Box<Sleep>>>,
    /// Completes when the server stops.
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Set once the stream has ended.
    ended: bool,
    /// Set once a Close was sent.
    closed: bool,
}

/// The longest message that is sent: 64 KiB of a stream and the header of their frame.
const MAX_MESSAGE_LEN: usize = 65 * 1024;
/// The shortest write that is sent at once instead of being gathered.
const MIN_DIRECT_LEN: usize = 4 * 1024;
/// The most bytes that wait to be sent: one message, its header and answers to pings.
const MAX_OUT_LEN: usize = MAX_MESSAGE_LEN + 1024;
/// Silence after which a client is pinged, and after the same time again disconnected.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// Time for a client to receive a message.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest reason in a Close (RFC 6455, section 5.5).
const MAX_REASON_LEN: usize = 123;

impl WsBytes {
    pub(super) fn new(
        socket: Upgraded,
        reached_at: IpAddr,
        account: Account,
        closing: CancellationToken,
    ) -> Self {
        Self(Box::new(Inner {
            socket: TokioIo::new(socket),
            reached_at,
            account,
            frames: Frames::default(),
            received: None,
            gathered: Vec::new(),
            out: Vec::new(),
            sent: 0,
            received_at: Instant::now(),
            silence: Box::pin(sleep(PING_INTERVAL)),
            pinged: false,
            blocked: None,
            closing: Box::pin(closing.cancelled_owned()),
            ended: false,
            closed: false,
        }))
    }

    /// Returns the address of this machine that the client, or the proxy before it, connected to.
    pub fn reached_at(&self) -> IpAddr {
        self.0.reached_at
    }

    /// Returns for whom the tunnel counts.
    pub fn account(&self) -> &Account {
        &self.0.account
    }
}

impl Inner {
    /// Parses received bytes up to the first control frame.
    fn parse(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> io::Result<()> {
        let Some(buffer) = &mut self.received else { return Ok(()) };
        match self.frames.receive(buffer.unread(), buf) {
            Ok((taken, control)) => {
                buffer.advance(taken);
                if buffer.unread().is_empty() {
                    self.received = None;
                }
                match control {
                    Some(ControlFrame::Ping(payload)) => self.answer(cx, &payload),
                    Some(ControlFrame::Close) => {
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

    /// Waits for bytes, or for the end of the stream.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.closing.as_mut().poll(cx).is_ready() {
                self.end(cx, CloseCode::Away, "the bridge is stopping");
                return Poll::Ready(Ok(()));
            }
            match ReadBuffer::poll_read_up_to(usize::MAX, Pin::new(&mut self.socket), cx) {
                Poll::Ready(Ok(buffer)) => {
                    if buffer.unread().is_empty() {
                        self.ended = true;
                    } else {
                        self.received_at = Instant::now();
                        self.pinged = false;
                        self.received = Some(buffer);
                    }
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Err(error)) => {
                    self.ended = true;
                    // TLS that ends without close_notify ends as TCP does: frames have a length of their own.
                    let is_end = error.kind() == io::ErrorKind::UnexpectedEof;
                    return Poll::Ready(if is_end { Ok(()) } else { Err(error) });
                }
                Poll::Pending => ready!(self.poll_silence(cx))?,
            }
        }
    }

    /// Completes once the client has been silent long enough to be pinged or disconnected.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.send_some(cx);
        ready!(self.silence.as_mut().poll(cx));
        let check_at = self.received_at + PING_INTERVAL;
        if check_at > Instant::now() {
            self.silence.as_mut().reset(check_at);
            return Poll::Ready(Ok(()));
        }
        if self.pinged {
            self.end(cx, CloseCode::Policy, "silent for 60 s");
            return Poll::Ready(Err(silent()));
        }
        self.silence.as_mut().reset(Instant::now() + PING_INTERVAL);
        // A client that does not receive is not pinged: the writer has its own timeout.
        if self.blocked.is_none() {
            self.pinged = true;
            append_frame(&mut self.out, OpCode::Control(Control::Ping), &[]);
            self.send_some(cx);
        }
        Poll::Ready(Ok(()))
    }

    /// Answers a ping, unless the client does not receive the answers.
    fn answer(&mut self, cx: &mut Context<'_>, payload: &[u8]) {
        if !self.closed && self.out.len() - self.sent + payload.len() < MAX_OUT_LEN {
            append_frame(&mut self.out, OpCode::Control(Control::Pong), payload);
            self.send_some(cx);
        }
    }

    /// Ends the stream, and reports the reason to the client.
    fn end(&mut self, cx: &mut Context<'_>, code: CloseCode, reason: &str) {
        self.ended = true;
        self.received = None;
        self.close(cx, code, reason);
    }

    /// Sends a Close without waiting: a client that does not receive it is closed without one.
    fn close(&mut self, cx: &mut Context<'_>, code: CloseCode, reason: &str) {
        if self.closed {
            return;
        }
        self.closed = true;
        self.gathered = Vec::new();
        let mut payload = u16::from(code).to_be_bytes().to_vec();
        payload.extend_from_slice(&reason.as_bytes()[..reason.floor_char_boundary(MAX_REASON_LEN)]);
        append_frame(&mut self.out, OpCode::Control(Control::Close), &payload);
        self.send_some(cx);
    }

    /// Sends what the socket accepts at once. While a writer waits, only that one must be woken by the socket. The
    /// next write reports a failure.
    fn send_some(&mut self, cx: &mut Context<'_>) {
        if self.blocked.is_none() && !self.out.is_empty() {
            let _ = self.poll_out(cx);
        }
    }

    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.out.len() {
            let sent = Pin::new(&mut self.socket).poll_write(cx, &self.out[self.sent..]);
            match ready!(sent)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.sent += count,
            }
        }
        (self.out, self.sent) = (Vec::new(), 0);
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    /// Sends a message of the gathered bytes and, as far as it has room, of `more`. Returns how many of those
    /// it took.
    fn poll_message(&mut self, cx: &mut Context<'_>, more: &[u8]) -> Poll<io::Result<usize>> {
        if !self.out.is_empty() {
            let sent = self.poll_out(cx);
            ready!(self.or_time_out(cx, sent))?;
        }
        let more = &more[..more.len().min(MAX_MESSAGE_LEN - self.gathered.len())];
        let mut header = Vec::with_capacity(10);
        append_header(&mut header, OpCode::Data(Data::Binary), self.gathered.len() + more.len());
        let parts = [&header[..], &self.gathered[..], more];
        let slices = parts.map(IoSlice::new);
        let sent = Pin::new(&mut self.socket).poll_write_vectored(cx, &slices);
        let mut sent = ready!(self.or_time_out(cx, sent))?;
        for part in [&header[..], &self.gathered[..], more] {
            let rest = part.get(sent..).unwrap_or_default();
            self.out.extend_from_slice(rest);
            sent = sent.saturating_sub(part.len());
        }
        self.gathered = Vec::new();
        Poll::Ready(Ok(more.len()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.gathered.is_empty() {
            ready!(self.poll_message(cx, &[]))?;
        }
        let sent = self.poll_out(cx);
        self.or_time_out(cx, sent)
    }

    /// Disconnects a client that has received nothing for too long.
    fn or_time_out<T>(
        &mut self,
        cx: &mut Context<'_>,
        sent: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if sent.is_ready() {
            self.blocked = None;
            return sent;
        }
        let blocked = self.blocked.get_or_insert_with(|| Box::pin(sleep(WRITE_TIMEOUT)));
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
            inner.parse(cx, buf)?;
            if buf.filled().len() > before || inner.ended || buf.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if inner.received.is_none() {
                ready!(inner.poll_receive(cx))?;
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
        if buf.len() >= MIN_DIRECT_LEN || inner.gathered.len() + buf.len() > MAX_MESSAGE_LEN {
            return inner.poll_message(cx, buf);
        }
        inner.gathered.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.0.closed {
            return Poll::Ready(Ok(()));
        }
        self.0.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let inner = &mut *self.0;
        if !inner.closed {
            ready!(inner.poll_flush(cx))?;
            inner.close(cx, CloseCode::Normal, "");
        }
        // An error means that the client has disconnected and needs no Close.
        let sent = inner.poll_out(cx).map(|_| Ok(()));
        inner.or_time_out(cx, sent)
    }
}

fn silent() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "expected an answer within 60 s, got none")
}
