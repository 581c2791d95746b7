//! Flow control of a control connection: what waits to be sent, and whether more is read.

use core::time::Duration;

use crate::Limits;

/// Bytes of answers that may wait above the limit while this host reads nothing more.
const EXTRA_ANSWER_BYTES: usize = 16 << 10;

/// The bytes on their way to the peer, and whether this host reads on.
#[derive(Default)]
pub(crate) struct FlowControl {
    /// Bytes written and not yet sent.
    unsent: usize,
    /// Time at which some of them were last sent.
    moved: Duration,
    /// Set while the driver reads nothing more.
    paused: bool,
}

impl FlowControl {
    pub(crate) fn wrote(&mut self, bytes: usize, now: Duration) {
        if self.unsent == 0 {
            self.moved = now;
        }
        self.unsent += bytes;
    }

    pub(crate) fn sent(&mut self, bytes: usize, now: Duration) {
        self.unsent = self.unsent.saturating_sub(bytes);
        self.moved = now;
    }

    pub(crate) fn unsent(&self) -> usize {
        self.unsent
    }

    pub(crate) fn moved(&self) -> Duration {
        self.moved
    }

    /// Returns true if too much is unsent for anything more to be answered. The limit is higher for a host
    /// that `is_full` of questions, and reads nothing more until it has answered some: two such hosts would
    /// otherwise wait for each other.
    pub(crate) fn is_clogged(&self, is_full: bool, limits: &Limits) -> bool {
        let extra = if is_full { EXTRA_ANSWER_BYTES } else { 0 };
        self.unsent > limits.unsent.saturating_add(extra)
    }

    /// Pauses or resumes reading; returns true if that is a change.
    pub(crate) fn pause(&mut self, pause: bool) -> bool {
        pause != core::mem::replace(&mut self.paused, pause)
    }

    /// Returns the time at which the peer is late to read what was written.
    pub(crate) fn deadline(&self, stall: Duration) -> Option<Duration> {
        (self.unsent > 0).then(|| self.moved.saturating_add(stall))
    }

    /// Asserts that nothing is unsent or paused without a connection.
    pub(crate) fn check(&self, is_connected: bool) {
        assert!(is_connected || self.unsent == 0, "{} bytes unsent, not connected", self.unsent);
        assert!(is_connected || !self.paused, "reading is paused, not connected");
    }
}
