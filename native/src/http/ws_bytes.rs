//! A WebSocket as a stream of bytes.

use std::future::Future as _;
use std::io;
use std::mem::take;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{Sink as _, Stream as _};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tungstenite::Error as WsError;
use tungstenite::error::ProtocolError;

/// The bytes of a tunnel's binary messages, one after the other.
///
/// Writes are gathered into messages of at most 64 KiB, sent when full and when flushed. One message
/// that came is held, and two that go: beyond that, who does not read is not written to.
/// A Close, or the end of the connection, is the end of the bytes; so is the front's stop.
/// A shutdown sends a Close.
///
/// # Errors
///
/// `InvalidData` for a text message, one longer than 1 MiB and anything else that is not allowed,
/// each told to the client in a Close; `TimedOut` for a client that is silent for 60 s though
/// pinged, or takes less than a message in as long; `BrokenPipe` for a write after a Close.
pub struct WsBytes {
    socket: WebSocket,
    reached_at: IpAddr,
    /// What came and was not read.
    came: Bytes,
    /// What was written and is not a message yet.
    gathered: BytesMut,
    /// Since when nothing came.
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

/// The longest message that is sent.
pub(super) const MESSAGE: usize = 64 * 1024;
/// A client that is silent for as long is pinged; for as long again, given up.
const PING_AFTER: Duration = Duration::from_secs(30);
/// The longest that a client may take for a message.
const BLOCKED_FOR: Duration = Duration::from_secs(60);
/// The longest reason that a Close has room for (RFC 6455, section 5.5).
const REASON: usize = 123;

impl WsBytes {
    pub(super) fn new(socket: WebSocket, reached_at: IpAddr, closing: CancellationToken) -> Self {
        Self {
            socket,
            reached_at,
            came: Bytes::new(),
            gathered: BytesMut::new(),
            silence: Box::pin(sleep(PING_AFTER)),
            pinged: false,
            blocked: None,
            closing: Box::pin(closing.cancelled_owned()),
            ended: false,
            closed: false,
        }
    }

    /// The address of this host that the client, or the proxy before it, connected to.
    pub fn reached_at(&self) -> IpAddr {
        self.reached_at
    }

    /// Waits for bytes; `came` is empty only at the end of all.
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.came.is_empty() && !self.ended {
            if self.closing.as_mut().poll(cx).is_ready() {
                self.ended = true;
                self.close(cx, close_code::AWAY, "the bridge stops");
                break;
            }
            let message = match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Ready(message) => message,
                Poll::Pending => {
                    ready!(self.poll_silence(cx))?;
                    continue;
                }
            };
            self.heard();
            match message {
                Some(Ok(Message::Binary(bytes))) => self.came = bytes,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(_))) => {
                    let fault = "expected a binary message, got text";
                    self.ended = true;
                    self.close(cx, close_code::UNSUPPORTED, fault);
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)));
                }
                Some(Ok(Message::Close(_))) => {
                    self.ended = true;
                    self.closed = true;
                    // The answer to it, which waits to be sent.
                    let _ = Pin::new(&mut self.socket).poll_flush(cx);
                }
                None => self.ended = true,
                Some(Err(error)) => {
                    self.ended = true;
                    let (code, error) = fault(error);
                    let Some(error) = error else { break };
                    if let Some(code) = code {
                        self.close(cx, code, &error.to_string());
                    }
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn heard(&mut self) {
        self.pinged = false;
        self.silence.as_mut().reset(Instant::now() + PING_AFTER);
    }

    /// Done when the client was silent so long that it was pinged, or is given up.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.silence.as_mut().poll(cx));
        if self.pinged {
            self.ended = true;
            self.close(cx, close_code::POLICY, "silent for 60 s");
            return Poll::Ready(Err(silent()));
        }
        self.silence.as_mut().reset(Instant::now() + PING_AFTER);
        // While the writer waits, the socket is to wake only it; and it gives up by itself.
        if self.blocked.is_none() && self.poll_socket_ready(cx).is_ready() {
            self.pinged = true;
            Pin::new(&mut self.socket).start_send(Message::Ping(Bytes::new())).map_err(written)?;
            let _ = Pin::new(&mut self.socket).poll_flush(cx);
        }
        Poll::Ready(Ok(()))
    }

    /// Says Close as far as it goes at once: whoever does not take it is closed without.
    fn close(&mut self, cx: &mut Context<'_>, code: u16, reason: &str) {
        if self.closed {
            return;
        }
        self.closed = true;
        self.gathered = BytesMut::new();
        if self.blocked.is_none() && self.poll_socket_ready(cx).is_ready() {
            let reason = reason[..reason.floor_char_boundary(REASON)].into();
            let close = Message::Close(Some(CloseFrame { code, reason }));
            let _ = Pin::new(&mut self.socket).start_send(close);
            let _ = Pin::new(&mut self.socket).poll_flush(cx);
        }
    }

    fn poll_socket_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_ready(cx).map_err(written)
    }

    /// Makes a message of what was gathered, once the one before is gone.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.gathered.is_empty() {
            let sent = self.poll_socket_ready(cx);
            ready!(self.unblocked(cx, sent))?;
            let message = Message::Binary(take(&mut self.gathered).freeze());
            Pin::new(&mut self.socket).start_send(message).map_err(written)?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        let sent = Pin::new(&mut self.socket).poll_flush(cx).map_err(written);
        self.unblocked(cx, sent)
    }

    /// Gives up the client that has taken nothing for too long.
    fn unblocked(
        &mut self,
        cx: &mut Context<'_>,
        sent: Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
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
        ready!(self.poll_bytes(cx))?;
        let len = self.came.len().min(buf.remaining());
        buf.put_slice(&self.came[..len]);
        self.came.advance(len);
        if self.came.is_empty() {
            // So that the message's memory goes with its last byte.
            self.came = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WsBytes {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.gathered.len() >= MESSAGE {
            ready!(self.poll_send(cx))?;
        }
        let len = buf.len().min(MESSAGE - self.gathered.len());
        self.gathered.extend_from_slice(&buf[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closed {
            return Poll::Ready(Ok(()));
        }
        self.poll_sent(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.closed {
            ready!(self.poll_sent(cx))?;
            self.close(cx, close_code::NORMAL, "");
        }
        // Who is gone already needs no Close.
        let sent = Pin::new(&mut self.socket).poll_flush(cx).map(|_| Ok(()));
        self.unblocked(cx, sent)
    }
}

/// What a failed read is: nothing but the end, or an error and the code to close with where the
/// client broke the rules.
fn fault(error: axum::Error) -> (Option<u16>, Option<io::Error>) {
    let invalid =
        |error: &WsError| Some(io::Error::new(io::ErrorKind::InvalidData, error.to_string()));
    match error.into_inner().downcast::<WsError>().map(|error| *error) {
        Ok(
            WsError::ConnectionClosed
            | WsError::AlreadyClosed
            | WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake),
        ) => (None, None),
        Ok(WsError::Io(error)) => (None, Some(error)),
        Ok(error @ WsError::Capacity(_)) => (Some(close_code::SIZE), invalid(&error)),
        Ok(error) => (Some(close_code::PROTOCOL), invalid(&error)),
        Err(error) => (Some(close_code::PROTOCOL), Some(io::Error::other(error))),
    }
}

fn written(error: axum::Error) -> io::Error {
    match error.into_inner().downcast::<WsError>().map(|error| *error) {
        Ok(WsError::Io(error)) => error,
        Ok(error) => io::Error::new(io::ErrorKind::BrokenPipe, error),
        Err(error) => io::Error::other(error),
    }
}

fn silent() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "expected an answer within 60 s, got none")
}
