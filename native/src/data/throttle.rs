//! Limits the rate of a transfer, and stops it.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::net::rate_budget::RateBudget;

/// The limit in bytes a second of all transfers in one direction, or none. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Rate(Option<Arc<RateBudget>>);

/// Controls one transfer: stops it soon after [`stop`](Self::stop), and gives it turns among those that
/// share its rate.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    stopped: AtomicBool,
    rate: Rate,
    /// Counts reads and writes of bytes, those of an incomplete record included.
    moves: AtomicU64,
    /// Set while received bytes are being written.
    writing: AtomicBool,
}

/// The most turns a second under a limit, which makes the flow this even.
const MAX_TURNS_PER_SECOND: u64 = 16;
/// The shortest turn, in bytes: a system call for less is not worth it.
const MIN_TURN_LEN: u64 = 512;
/// The longest wait before a transfer checks whether it was stopped.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The transfer was stopped.
#[derive(Debug)]
pub(super) struct Stopped;

impl Rate {
    /// Creates a limit in bytes a second, or none.
    pub fn new(rate: Option<NonZeroU64>) -> Self {
        Self(rate.map(RateBudget::new))
    }

    /// Returns the limit in bytes a second, if there is one.
    pub fn limit(&self) -> Option<u64> {
        self.0.as_ref().map(|budget| budget.rate())
    }
}

impl Throttle {
    /// Creates the control of a transfer that shares this rate.
    pub(crate) fn new(rate: &Rate) -> Self {
        Self { rate: rate.clone(), ..Self::default() }
    }

    /// Stops the transfer.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Returns the count of reads and writes: a number other than before shows that bytes move.
    pub(crate) fn moves(&self) -> u64 {
        self.moves.load(Ordering::Relaxed)
    }

    /// True while received bytes wait for a reader on this host: a pipe, a disk.
    pub(crate) fn is_writing(&self) -> bool {
        self.writing.load(Ordering::Relaxed)
    }

    /// Runs a write and makes [`is_writing`](Self::is_writing) true meanwhile.
    pub(super) fn while_writing<R>(&self, write: impl FnOnce() -> R) -> R {
        self.writing.store(true, Ordering::Relaxed);
        let written = write();
        self.writing.store(false, Ordering::Relaxed);
        written
    }

    /// Fails once the transfer was stopped.
    pub(super) fn check(&self) -> Result<(), Stopped> {
        if self.stopped.load(Ordering::Relaxed) { Err(Stopped) } else { Ok(()) }
    }

    #[cfg(target_os = "linux")]
    pub(super) fn is_limited(&self) -> bool {
        self.rate.0.is_some()
    }

    /// Waits until some of `max` bytes may move, and returns how many: all of them without a limit. The
    /// caller then reports to [`moved`](Self::moved).
    pub(super) fn wait_turn(&self, max: usize) -> Result<usize, Stopped> {
        let Some(budget) = &self.rate.0 else { return Ok(max) };
        let turn = (budget.rate() / MAX_TURNS_PER_SECOND).max(MIN_TURN_LEN);
        let turn = usize::try_from(turn).map_or(max, |turn| turn.min(max));
        let now = Instant::now();
        let until = budget.spend(turn, now);
        let mut left = until.saturating_duration_since(now);
        while !left.is_zero() {
            if let Err(stopped) = self.check() {
                budget.give_back(turn);
                return Err(stopped);
            }
            thread::sleep(left.min(POLL_INTERVAL));
            left = until.saturating_duration_since(Instant::now());
        }
        Ok(turn)
    }

    /// Records that of a turn of `turn` bytes, `bytes` moved.
    pub(super) fn moved(&self, turn: usize, bytes: usize) {
        if bytes > 0 {
            // Only the transfer's own thread writes this.
            self.moves.store(self.moves.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        if let Some(budget) = &self.rate.0
            && bytes < turn
        {
            budget.give_back(turn - bytes);
        }
    }
}
