//! How a transfer is held back, and stopped.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::net::rate_budget::RateBudget;

/// The most bytes a second of all transfers one way, or no limit. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Rate(Option<Arc<RateBudget>>);

/// One transfer's: it stops soon after it is told to, and takes its turn among those that share its rate.
#[derive(Debug, Default)]
pub struct Brake {
    stopped: AtomicBool,
    rate: Rate,
    /// Times that bytes moved, those of a record that is not whole included.
    moves: AtomicU64,
    /// Bytes that came are being written.
    writing: AtomicBool,
}

/// Turns taken a second at the most, where there is a limit: so even does it go.
const TURNS: u64 = 16;
/// The shortest turn, in bytes: a system call for less is not worth it.
const SHORTEST: u64 = 512;
/// How long anything is waited for before it is looked whether the transfer was stopped.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// A transfer was stopped.
#[derive(Debug)]
pub(super) struct Stopped;

impl Rate {
    /// So many bytes a second.
    pub fn new(rate: Option<NonZeroU64>) -> Self {
        Self(rate.map(RateBudget::new))
    }

    /// The bytes a second, where there is a limit.
    pub fn limit(&self) -> Option<u64> {
        self.0.as_ref().map(|budget| budget.rate())
    }
}

impl Brake {
    /// Of a transfer that shares this rate.
    pub fn new(rate: &Rate) -> Self {
        Self { rate: rate.clone(), ..Self::default() }
    }

    /// Stops the transfer.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// How often bytes have moved: another number than before means that they do.
    pub fn moves(&self) -> u64 {
        self.moves.load(Ordering::Relaxed)
    }

    /// Whether bytes that came wait for whatever takes them on this host: a pipe, a disk.
    pub fn is_writing(&self) -> bool {
        self.writing.load(Ordering::Relaxed)
    }

    /// Marks the time that a write takes.
    pub(super) fn while_writing<R>(&self, write: impl FnOnce() -> R) -> R {
        self.writing.store(true, Ordering::Relaxed);
        let written = write();
        self.writing.store(false, Ordering::Relaxed);
        written
    }

    /// Whether it was not stopped.
    pub(super) fn go_on(&self) -> Result<(), Stopped> {
        if self.stopped.load(Ordering::Relaxed) { Err(Stopped) } else { Ok(()) }
    }

    #[cfg(target_os = "linux")]
    pub(super) fn is_limited(&self) -> bool {
        self.rate.0.is_some()
    }

    /// Waits until some of `most` bytes may move, and says how many: all of them where there is no
    /// limit. [`moved`](Self::moved) is told what became of them.
    pub(super) fn turn(&self, most: usize) -> Result<usize, Stopped> {
        let Some(budget) = &self.rate.0 else { return Ok(most) };
        let piece = (budget.rate() / TURNS).max(SHORTEST);
        let piece = usize::try_from(piece).map_or(most, |piece| piece.min(most));
        let now = Instant::now();
        let until = budget.spend(piece, now);
        let mut left = until.saturating_duration_since(now);
        while !left.is_zero() {
            if let Err(stopped) = self.go_on() {
                budget.give_back(piece);
                return Err(stopped);
            }
            thread::sleep(left.min(LOOK));
            left = until.saturating_duration_since(Instant::now());
        }
        Ok(piece)
    }

    /// Of so many bytes whose turn it was, so many did.
    pub(super) fn moved(&self, turn: usize, bytes: usize) {
        if bytes > 0 {
            // The transfer's own thread alone counts.
            self.moves.store(self.moves.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        if let Some(budget) = &self.rate.0
            && bytes < turn
        {
            budget.give_back(turn - bytes);
        }
    }
}
