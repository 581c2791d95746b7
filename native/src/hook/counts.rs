//! What became of questions to the hook, and how long they took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::tally::Tally;

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HookOutcome {
    Allowed,
    Denied,
    /// There was no answer in time.
    TimedOut,
    /// There was no connection, or it broke.
    Unreachable,
    /// The answer is none, too long, or has another status than 200.
    BadAnswer,
    /// Too many questions waited.
    Busy,
}

impl HookOutcome {
    /// All values, each at its index.
    pub(crate) const ALL: [Self; 6] = [
        Self::Allowed,
        Self::Denied,
        Self::TimedOut,
        Self::Unreachable,
        Self::BadAnswer,
        Self::Busy,
    ];

    /// Returns the name of the outcome for programs.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::BadAnswer => "bad_answer",
            Self::Busy => "busy",
        }
    }
}

/// What has happened since the start.
#[derive(Debug, Default)]
pub(super) struct Counts {
    outcomes: Tally<{ HookOutcome::ALL.len() }>,
    /// The sum of the times.
    micros: AtomicU64,
}

/// The same at one moment.
#[cfg(feature = "cli")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct HookCounts {
    /// In the order of [`HookOutcome::ALL`].
    pub(crate) outcomes: [u64; HookOutcome::ALL.len()],
    /// The sum of the times of all questions.
    pub(crate) time: Duration,
}

impl Counts {
    pub(super) fn add(&self, outcome: HookOutcome, time: Duration) {
        self.outcomes.add(outcome as usize);
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    #[cfg(feature = "cli")]
    pub(super) fn all(&self) -> HookCounts {
        HookCounts {
            outcomes: self.outcomes.all(),
            time: Duration::from_micros(self.micros.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_is_at_its_index() {
        for (at, outcome) in HookOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, at, "{outcome:?}");
        }
    }
}
