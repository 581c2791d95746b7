//! So many bytes a second, for all who share it.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What may go at once after a pause: this long's worth.
const BURST: Duration = Duration::from_millis(250);

/// A rate, and what was spent of it.
#[derive(Debug)]
pub(crate) struct Budget {
    rate: NonZeroU64,
    /// When everything spent so far will have come back.
    whole_at: Mutex<Instant>,
}

impl Budget {
    pub(crate) fn new(rate: NonZeroU64) -> Arc<Self> {
        Arc::new(Self { rate, whole_at: Mutex::new(Instant::now()) })
    }

    /// Bytes a second.
    pub(crate) fn rate(&self) -> u64 {
        self.rate.get()
    }

    /// Spends so many bytes; whoever spent them waits until then, before they go or before it spends
    /// more, so that all who share a budget take turns.
    pub(crate) fn spend(&self, bytes: usize, now: Instant) -> Instant {
        let mut whole_at = self.whole_at.lock().unwrap_or_else(PoisonError::into_inner);
        // A rate of a byte a second is not to reach beyond the clock's end.
        let after = (*whole_at).max(now).checked_add(self.cost(bytes)).unwrap_or(*whole_at);
        *whole_at = after;
        after.checked_sub(BURST).unwrap_or(now)
    }

    /// So many bytes that were spent did not go.
    pub(crate) fn give_back(&self, bytes: usize) {
        let mut whole_at = self.whole_at.lock().unwrap_or_else(PoisonError::into_inner);
        *whole_at = (*whole_at).checked_sub(self.cost(bytes)).unwrap_or(*whole_at);
    }

    fn cost(&self, bytes: usize) -> Duration {
        let nanos = bytes as u128 * 1_000_000_000 / u128::from(self.rate.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
