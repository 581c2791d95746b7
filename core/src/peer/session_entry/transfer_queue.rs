//! The transfers of a session in one direction.

use alloc::vec::Vec;

use crate::peer::TransferId;

/// Transfers that wait for their turn, and a count of those that run, some of which wait for nothing but their
/// driver to store them.
#[derive(Default)]
pub(crate) struct TransferQueue {
    waiting: Vec<TransferId>,
    running: usize,
    deferred: usize,
}

impl TransferQueue {
    pub(crate) fn push(&mut self, id: TransferId) {
        self.waiting.push(id);
    }

    /// Replaces waiting transfers by a batch of them, which is next.
    pub(crate) fn gather(&mut self, members: &[TransferId], batch: TransferId) {
        self.waiting.retain(|waiting| !members.contains(waiting));
        self.waiting.insert(0, batch);
    }

    /// Starts the transfer that is next.
    pub(crate) fn start(&mut self) -> Option<TransferId> {
        if self.waiting.is_empty() {
            return None;
        }
        self.running += 1;
        Some(self.waiting.remove(0))
    }

    /// Removes a transfer that has not started.
    pub(crate) fn withdraw(&mut self, id: TransferId) {
        self.waiting.retain(|waiting| *waiting != id);
    }

    /// A transfer that was started has ended.
    pub(crate) fn ended(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// A transfer that was started makes room for another before it ends.
    pub(crate) fn defer(&mut self) {
        self.deferred += 1;
    }

    /// Such a transfer is about to end.
    pub(crate) fn resumed(&mut self) {
        self.deferred = self.deferred.saturating_sub(1);
    }

    pub(crate) fn waiting(&self) -> &[TransferId] {
        &self.waiting
    }

    pub(crate) fn take_waiting(&mut self) -> Vec<TransferId> {
        core::mem::take(&mut self.waiting)
    }

    pub(crate) fn running(&self) -> usize {
        self.running
    }

    /// Returns the number of those that run and take the place of another.
    pub(crate) fn moving(&self) -> usize {
        self.running.saturating_sub(self.deferred)
    }

    /// Returns true if nothing waits or runs.
    pub(crate) fn is_idle(&self) -> bool {
        self.running == 0 && self.waiting.is_empty()
    }

    /// Asserts that it knows exactly the transfers that are known to wait and to run.
    pub(crate) fn check(&self, mut waiting: Vec<TransferId>, running: usize) {
        let mut own = self.waiting.clone();
        own.sort_unstable();
        waiting.sort_unstable();
        assert_eq!(own, waiting, "the transfers that wait");
        assert_eq!(self.running, running, "the transfers that run");
        assert!(self.deferred <= running, "{} of {running} are deferred", self.deferred);
    }
}
