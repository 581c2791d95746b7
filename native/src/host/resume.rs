//! What earlier tries left of files (section 14), read on blocking threads.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use xcher_core::FileName;
use xcher_core::peer::{Input, TransferId};
use xcher_core::secure::PublicKey;
use xcher_core::stream::Hasher;

use super::Host;
use super::task_report::Happened;
use crate::files::{Origin, Partial};

/// Smaller files are sooner fetched again than kept account of.
const WORTH_IT: u64 = 1 << 20;

/// An unfinished file, and the sum of what it has.
pub(super) struct Found {
    pub(super) partial: Partial,
    pub(super) begun: Hasher,
}

impl Found {
    /// One that has nothing.
    pub(super) fn new(partial: Partial) -> Self {
        Self { partial, begun: Hasher::new() }
    }

    /// To go on from so many bytes: all that there are, or none.
    pub(super) fn from(mut self, bytes: u64) -> io::Result<Self> {
        if self.partial.bytes() != bytes {
            self.partial.start_over()?;
            self.begun = Hasher::new();
        }
        Ok(self)
    }
}

impl Host {
    pub(super) fn find_partial(
        &mut self,
        transfer: TransferId,
        name: FileName,
        size: u64,
        from: PublicKey,
    ) {
        let inbox = self.inbox.clone().filter(|_| size >= WORTH_IT);
        let Some(inbox) = inbox else {
            return self.later(Input::PartialFound { transfer, has: None });
        };
        let cancelled = self.look(transfer);
        let reporter = self.reporter.clone();
        tokio::task::spawn_blocking(move || {
            // Why there is none, it is told when it is to be written.
            let found =
                inbox.create(&name, Some(&Origin { from, size })).ok().and_then(|partial| {
                    let begun = partial.prefix_hash(&cancelled).ok()?;
                    Some(Found { partial, begun })
                });
            // Whoever is told that a transfer is over may look at the folder.
            drop(inbox);
            let _ = reporter.blocking_send(Happened::PartialFound { transfer, found });
        });
    }

    pub(super) fn partial_found(&mut self, transfer: TransferId, found: Option<Found>) {
        // Given up meanwhile.
        if self.looking.remove(&transfer).is_none() {
            return;
        }
        let has = found.as_ref().filter(|found| found.partial.bytes() > 0);
        let has = has.map(|found| (found.partial.bytes(), *found.begun.finalize().as_bytes()));
        if let Some(found) = found {
            self.found.insert(transfer, found);
        }
        self.input(Input::PartialFound { transfer, has });
    }

    /// A transfer is over, however: what was looked for it is not needed.
    pub(super) fn stop_looking(&mut self, transfer: TransferId) {
        if let Some(cancelled) = self.looking.remove(&transfer) {
            cancelled.store(true, Ordering::Relaxed);
        }
        self.opened.remove(&transfer);
        if let Some(found) = self.found.remove(&transfer) {
            self.keep(transfer, found.partial);
        }
    }

    pub(super) fn look(&mut self, transfer: TransferId) -> Arc<AtomicBool> {
        let cancelled = Arc::<AtomicBool>::default();
        self.looking.insert(transfer, cancelled.clone());
        cancelled
    }
}
