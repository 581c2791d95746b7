//! The socket that yamux is given: bytes that wait on this side of the WebSocket.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

/// Bytes that wait to be sent, above which yamux has to wait.
const UNSENT: usize = 256 << 10;
/// Bytes that came and were not taken. Credit keeps an honest bridge far below.
const UNREAD: usize = 64 << 20;

/// Both ways of a tunnel. A clone is the same pipe.
#[derive(Clone, Default)]
pub(super) struct Pipe(Rc<RefCell<Queues>>);

#[derive(Default)]
struct Queues {
    came: VecDeque<Vec<u8>>,
    /// Of the first message that came, so many bytes are read.
    read: usize,
    unread: usize,
    goes: Vec<u8>,
    sent: usize,
}

impl Pipe {
    /// A message came. False if more came than an honest bridge sends.
    pub(super) fn came(&self, message: Vec<u8>) -> bool {
        let mut queues = self.0.borrow_mut();
        queues.unread += message.len();
        queues.came.push_back(message);
        queues.unread <= UNREAD
    }

    /// Gives the next bytes to send, `most` at a time; all that `send` takes are gone. Nothing is
    /// given while there are fewer than `least`. True if some were taken.
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
        if queues.sent == queues.goes.len() {
            queues.goes.clear();
            queues.sent = 0;
        }
        moved
    }

    /// Whether all is sent.
    pub(super) fn is_drained(&self) -> bool {
        self.0.borrow().unsent().is_empty()
    }
}

impl Queues {
    fn unsent(&self) -> &[u8] {
        &self.goes[self.sent..]
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let queues = &mut *self.0.borrow_mut();
        let Some(message) = queues.came.front() else { return Poll::Pending };
        let rest = &message[queues.read..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        queues.read += length;
        queues.unread -= length;
        if queues.read == message.len() {
            queues.came.pop_front();
            queues.read = 0;
        }
        Poll::Ready(Ok(length))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let queues = &mut *self.0.borrow_mut();
        if queues.unsent().len() >= UNSENT {
            return Poll::Pending;
        }
        if queues.sent > UNSENT {
            queues.goes.drain(..queues.sent);
            queues.sent = 0;
        }
        queues.goes.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
