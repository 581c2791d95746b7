//! How often something had each of its outcomes.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter for each outcome of something, in the order of its values.
#[derive(Debug)]
pub(crate) struct Tally<const LEN: usize>([AtomicU64; LEN]);

impl<const LEN: usize> Default for Tally<LEN> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::default()))
    }
}

impl<const LEN: usize> Tally<LEN> {
    /// Counts an outcome, by its index.
    pub(crate) fn add(&self, outcome: usize) {
        self.0[outcome].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of each outcome.
    #[cfg(feature = "cli")]
    pub(crate) fn all(&self) -> [u64; LEN] {
        std::array::from_fn(|at| self.0[at].load(Ordering::Relaxed))
    }
}
