//! Memory for the bytes of all transfers together.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The length of a buffer: from about here on, longer reads and writes gain nothing.
pub(super) const LENGTH: usize = 1 << 20;
/// More threads than this seldom copy at the same time; the others wait for their sockets, and
/// those that do not take turns.
const BUFFERS: usize = 4;

/// At most 4 MiB of buffers, in four pieces of 1 MiB, for any number of transfers.
///
/// A transfer borrows a piece only while it has bytes to move, so that a peer that sends nothing
/// holds none, and a transfer that is alone has a whole one. A piece is allocated when it is first
/// needed, and then used again.
#[derive(Debug, Default)]
pub struct BufferBudget {
    pieces: Mutex<Pieces>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Pieces {
    idle: Vec<Box<[u8]>>,
    allocated: usize,
    /// Who waits for one.
    waiting: usize,
}

impl BufferBudget {
    /// A budget of which nothing is used.
    pub fn new() -> Self {
        Self::default()
    }

    /// Borrows a piece, and waits for one if all are in use. The borrower must not wait for a peer.
    pub(super) fn borrow(&self) -> Buffer<'_> {
        let mut pieces = self.lock();
        loop {
            if let Some(bytes) = pieces.idle.pop() {
                return Buffer { bytes, budget: self };
            }
            if pieces.allocated < BUFFERS {
                pieces.allocated += 1;
                drop(pieces);
                return Buffer { bytes: vec![0; LENGTH].into(), budget: self };
            }
            pieces.waiting += 1;
            pieces = self.returned.wait(pieces).unwrap_or_else(PoisonError::into_inner);
            pieces.waiting -= 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pieces> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A borrowed piece; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Buffer<'a> {
    bytes: Box<[u8]>,
    budget: &'a BufferBudget,
}

impl Deref for Buffer<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Buffer<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        let mut pieces = self.budget.lock();
        pieces.idle.push(std::mem::take(&mut self.bytes));
        // To wake nobody is a call of the system too.
        if pieces.waiting > 0 {
            self.budget.returned.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn never_more_pieces_than_the_budget_and_everyone_gets_one() {
        let budget = BufferBudget::new();
        let (held, most, got) = Default::default();
        let (held, most, got): (&AtomicUsize, &AtomicUsize, &AtomicUsize) = (&held, &most, &got);
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let buffer = budget.borrow();
                        assert_eq!(buffer.len(), LENGTH);
                        most.fetch_max(held.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        held.fetch_sub(1, Ordering::SeqCst);
                        got.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(got.load(Ordering::SeqCst), 1600);
        assert!(most.load(Ordering::SeqCst) <= BUFFERS);
        let pieces = budget.pieces.lock().unwrap();
        assert_eq!(pieces.idle.len(), pieces.allocated);
        assert!(pieces.allocated <= BUFFERS);
    }

    #[test]
    fn one_that_is_alone_uses_one_piece() {
        let budget = BufferBudget::new();
        for _ in 0..10 {
            budget.borrow()[0] = 1;
        }
        assert_eq!(budget.lock().allocated, 1);
    }
}
