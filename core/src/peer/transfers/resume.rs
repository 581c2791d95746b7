//! Partial files of earlier attempts (section 13).

use core::time::Duration;

use crate::stream::Digest;

/// A provider may be this many times slower to read the partial file than this host was.
const SLOWER_PROVIDER: u32 = 4;

/// The search for a partial file, and its result.
#[derive(Default)]
pub(crate) struct Resume {
    /// Time of the request to the driver, which from then on keeps what it found.
    since: Option<Duration>,
    took: Duration,
    found: Option<(u64, Digest)>,
}

impl Resume {
    /// The driver is asked now.
    pub(crate) fn search(&mut self, now: Duration) {
        self.since = Some(now);
    }

    /// The driver found these first bytes of a file of `size` bytes; ignores an impossible answer.
    pub(crate) fn found(&mut self, found: Option<(u64, Digest)>, size: u64, now: Duration) {
        self.took = now.saturating_sub(self.since.unwrap_or(now));
        self.found = found.filter(|(bytes, _)| *bytes > 0 && *bytes <= size);
    }

    /// Forgets the partial file, because the provider's file begins otherwise; returns false if there
    /// was none.
    pub(crate) fn discard(&mut self) -> bool {
        self.found.take().is_some()
    }

    /// The length and digest of the partial file.
    pub(crate) fn partial(&self) -> Option<(u64, Digest)> {
        self.found
    }

    /// Bytes of the file that need not come again.
    pub(crate) fn offset(&self) -> u64 {
        self.found.map_or(0, |(bytes, _)| bytes)
    }

    /// Returns true if the driver keeps a partial file, or may.
    pub(crate) fn is_kept_by_driver(&self) -> bool {
        self.since.is_some()
    }

    /// Extra time for the provider to read as much of its file as this host holds.
    pub(crate) fn extra_wait(&self) -> Duration {
        self.found.map_or(Duration::ZERO, |_| self.took.saturating_mul(SLOWER_PROVIDER))
    }

    /// Asserts that nothing was found that was not searched for.
    pub(crate) fn check(&self) {
        assert!(self.found.is_none() || self.since.is_some(), "a partial file came unasked");
    }
}
