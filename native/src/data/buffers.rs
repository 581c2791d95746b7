//! Buffers that all transfers share.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The length of a buffer: from about here on, longer reads and writes gain nothing.
pub(super) const BUFFER_LEN: usize = 1 << 20;
/// The most buffers. More threads seldom copy at the same time: the others wait for their sockets, and
/// those that do not take turns.
const MAX_BUFFERS: usize = 4;

/// At most 4 MiB of memory, in four buffers of 1 MiB, for any number of transfers.
///
/// A transfer borrows a buffer only while it has bytes to copy, so that a silent peer holds none and a
/// single transfer has a complete one. A buffer is allocated when first needed and then reused.
#[derive(Debug, Default)]
pub(crate) struct BufferBudget {
    buffers: Mutex<Buffers>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Buffers {
    idle: Vec<Box<[u8]>>,
    allocated: usize,
    /// Threads that wait for a buffer.
    waiting: usize,
}

impl BufferBudget {
    /// Borrows a buffer, and waits for one if all are in use. The borrower must not wait for a peer.
    pub(super) fn borrow(&self) -> Buffer<'_> {
        let mut buffers = self.lock();
        loop {
            if let Some(bytes) = buffers.idle.pop() {
                return Buffer { bytes, budget: self };
            }
            if buffers.allocated < MAX_BUFFERS {
                buffers.allocated += 1;
                drop(buffers);
                return Buffer { bytes: vec![0; BUFFER_LEN].into(), budget: self };
            }
            buffers.waiting += 1;
            buffers = self.returned.wait(buffers).unwrap_or_else(PoisonError::into_inner);
            buffers.waiting -= 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Buffers> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A borrowed buffer, returned on drop.
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
        let mut buffers = self.budget.lock();
        buffers.idle.push(std::mem::take(&mut self.bytes));
        // Notifying costs a system call even if no thread waits.
        if buffers.waiting > 0 {
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
    fn every_thread_gets_a_buffer_and_the_budget_is_kept() {
        let budget = BufferBudget::default();
        let (held, most, got) = Default::default();
        let (held, most, got): (&AtomicUsize, &AtomicUsize, &AtomicUsize) = (&held, &most, &got);
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let buffer = budget.borrow();
                        assert_eq!(buffer.len(), BUFFER_LEN);
                        most.fetch_max(held.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        held.fetch_sub(1, Ordering::SeqCst);
                        got.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(got.load(Ordering::SeqCst), 1600);
        assert!(most.load(Ordering::SeqCst) <= MAX_BUFFERS);
        let buffers = budget.buffers.lock().unwrap();
        assert_eq!(buffers.idle.len(), buffers.allocated);
        assert!(buffers.allocated <= MAX_BUFFERS);
    }

    #[test]
    fn a_single_transfer_reuses_one_buffer() {
        let budget = BufferBudget::default();
        for _ in 0..10 {
            budget.borrow()[0] = 1;
        }
        assert_eq!(budget.lock().allocated, 1);
    }
}
