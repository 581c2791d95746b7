//! Room to read into, held only by those who have read something: whoever waits holds none, so that
//! ten thousand who wait cost no more than one.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// The most that is read at a time: from here on, more saves nothing.
const LENGTH: usize = 64 * 1024;
/// Rooms that a thread keeps for the next who reads.
const KEPT: usize = 4;

thread_local! {
    static SPARE: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that were read and not used up. Dropped, its room is the next reader's.
pub(crate) struct Piece {
    room: Box<[u8]>,
    from: usize,
    to: usize,
}

impl Piece {
    /// Waits for bytes, at most so many; an empty piece is the end.
    pub(crate) fn poll_read_up_to(
        most: usize,
        source: Pin<&mut impl AsyncRead>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Self>> {
        let spare = SPARE.with_borrow_mut(Vec::pop);
        let room = spare.unwrap_or_else(|| vec![0; LENGTH].into_boxed_slice());
        let mut piece = Self { room, from: 0, to: 0 };
        let mut buffer = ReadBuf::new(&mut piece.room[..most.min(LENGTH)]);
        ready!(source.poll_read(cx, &mut buffer))?;
        piece.to = buffer.filled().len();
        Poll::Ready(Ok(piece))
    }

    /// What is not used up.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.room[self.from..self.to]
    }

    /// So many bytes of the rest are used up.
    pub(crate) fn advance(&mut self, count: usize) {
        self.from = self.to.min(self.from + count);
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let room = std::mem::take(&mut self.room);
        // A thread that ends has no use for it.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < KEPT {
                spare.push(room);
            }
        });
    }
}
