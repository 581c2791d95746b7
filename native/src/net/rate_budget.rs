//! A limit in bytes a second, shared by all that send or receive under it.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The time whose worth of bytes may pass at once after a pause.
const BURST: Duration = Duration::from_millis(250);

/// A rate and the bytes spent of it.
#[derive(Debug)]
pub(crate) struct RateBudget {
    rate: NonZeroU64,
    /// The time at which everything spent so far is earned back.
    refilled_at: Mutex<Instant>,
}

impl RateBudget {
    pub(crate) fn new(rate: NonZeroU64) -> Arc<Self> {
        Arc::new(Self { rate, refilled_at: Mutex::new(Instant::now()) })
    }

    /// Returns the rate in bytes a second.
    pub(crate) fn rate(&self) -> u64 {
        self.rate.get()
    }

    /// Spends `bytes`. The caller waits until the returned instant before they pass, or before it spends
    /// more, so that all who share a budget take turns.
    pub(crate) fn spend(&self, bytes: usize, now: Instant) -> Instant {
        let mut refilled_at = self.refilled_at.lock().unwrap_or_else(PoisonError::into_inner);
        // A rate of one byte a second must not reach beyond the end of the clock.
        let after = (*refilled_at).max(now).checked_add(self.cost(bytes)).unwrap_or(*refilled_at);
        *refilled_at = after;
        after.checked_sub(BURST).unwrap_or(now)
    }

    /// Returns `bytes` that were spent and did not pass.
    pub(crate) fn give_back(&self, bytes: usize) {
        let mut refilled_at = self.refilled_at.lock().unwrap_or_else(PoisonError::into_inner);
        *refilled_at = (*refilled_at).checked_sub(self.cost(bytes)).unwrap_or(*refilled_at);
    }

    fn cost(&self, bytes: usize) -> Duration {
        let nanos = bytes as u128 * 1_000_000_000 / u128::from(self.rate.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
