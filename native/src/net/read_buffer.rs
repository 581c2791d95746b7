//! Buffers to read into, held only while they hold bytes that were read: a connection that waits for
//! bytes has no buffer, so that ten thousand idle connections cost no more than one.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// The most bytes read at a time: beyond this, a larger buffer saves nothing.
const BUFFER_LEN: usize = 64 * 1024;
/// Free buffers that a thread keeps for the next read.
const MAX_FREE_BUFFERS: usize = 4;

thread_local! {
    static FREE: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that were read and not yet consumed. Dropped, its buffer serves the next read.
pub(crate) struct ReadBuffer {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl ReadBuffer {
    /// Waits for bytes and reads at most `max`; an empty result is the end of the stream.
    pub(crate) fn poll_read_up_to(
        max: usize,
        source: Pin<&mut impl AsyncRead>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Self>> {
        let free = FREE.with_borrow_mut(Vec::pop);
        let buffer = free.unwrap_or_else(|| vec![0; BUFFER_LEN].into_boxed_slice());
        let mut read = Self { buffer, start: 0, end: 0 };
        let mut into = ReadBuf::new(&mut read.buffer[..max.min(BUFFER_LEN)]);
        ready!(source.poll_read(cx, &mut into))?;
        read.end = into.filled().len();
        Poll::Ready(Ok(read))
    }

    /// Returns the bytes that are not consumed yet.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Marks `count` more bytes as consumed.
    pub(crate) fn advance(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        // A thread that is ending has no free list any more.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            if free.len() < MAX_FREE_BUFFERS {
                free.push(buffer);
            }
        });
    }
}
