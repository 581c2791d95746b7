//! The socket that yamux runs on: bytes queued between it and the WebSocket.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

/// Unsent bytes above which yamux must wait.
const MAX_UNSENT: usize = 256 << 10;
/// The most received bytes that yamux has not read. Credit keeps an honest bridge far below.
const MAX_UNREAD: usize = 64 << 20;

/// Both directions of a tunnel. Clones share the same queues.
#[derive(Clone, Default)]
pub(super) struct WebSocketQueue(Rc<RefCell<Queues>>);

#[derive(Default)]
struct Queues {
    received: VecDeque<Vec<u8>>,
    /// Bytes of the first received message that yamux has read.
    read: usize,
    unread: usize,
    outgoing: Vec<u8>,
    sent: usize,
}

impl WebSocketQueue {
    /// Queues a received message. Returns false if more is unread than an honest bridge sends.
    pub(super) fn receive(&self, message: Vec<u8>) -> bool {
        let mut queues = self.0.borrow_mut();
        queues.unread += message.len();
        queues.received.push_back(message);
        queues.unread <= MAX_UNREAD
    }

    /// Sends queued bytes in messages of at most `most` bytes, until `send` refuses one or fewer than
    /// `least` bytes are left. Returns true if any were sent.
    pub(super) fn drain(&self, least: usize, most: usize, send: impl Fn(&[u8]) -> bool) -> bool {
        let mut queues = self.0.borrow_mut();
        let before = queues.sent;
        while queues.unsent().len() >= least.max(1) {
            let unsent = queues.unsent();
            let message = &unsent[..unsent.len().min(most)];
            if !send(message) {
                break;
            }
            queues.sent += message.len();
        }
        let moved = queues.sent != before;
        if queues.sent == queues.outgoing.len() {
            queues.outgoing.clear();
            queues.sent = 0;
        }
        moved
    }

    /// Returns true if all bytes are sent.
    pub(super) fn is_drained(&self) -> bool {
        self.0.borrow().unsent().is_empty()
    }
}

impl Queues {
    fn unsent(&self) -> &[u8] {
        &self.outgoing[self.sent..]
    }
}

impl AsyncRead for WebSocketQueue {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let queues = &mut *self.0.borrow_mut();
        let Some(message) = queues.received.front() else { return Poll::Pending };
        let rest = &message[queues.read..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        queues.read += length;
        queues.unread -= length;
        if queues.read == message.len() {
            queues.received.pop_front();
            queues.read = 0;
        }
        Poll::Ready(Ok(length))
    }
}

impl AsyncWrite for WebSocketQueue {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let queues = &mut *self.0.borrow_mut();
        if queues.unsent().len() >= MAX_UNSENT {
            return Poll::Pending;
        }
        if queues.sent > MAX_UNSENT {
            queues.outgoing.drain(..queues.sent);
            queues.sent = 0;
        }
        queues.outgoing.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
