//! Reads the disk before a transfer begins, on blocking threads: opens files to be sent, so that an
//! unreadable one is refused before anyone is connected to, and finds what earlier attempts left of files
//! to be received (section 14).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use xcher_core::FileName;
use xcher_core::peer::{Input, SessionId, TransferId};
use xcher_core::secure::PublicKey;

use super::Host;
use super::opened_file::OpenedFile;
use super::partial_prefix::PartialPrefix;
use super::task_report::TaskReport;
use crate::files::ResumeKey;

/// The size below which a file is fetched again instead of being resumed.
const MIN_RESUMABLE_SIZE: u64 = 1 << 20;
/// Entries of a listing read from the disk at a time.
const ENTRIES_AT_ONCE: usize = 512;

impl Host {
    pub(super) fn list_next(&mut self, session: SessionId) {
        let mut walk = self.walks.remove(&session).unwrap_or_else(|| self.shares.walk());
        let reporter = self.reporter.clone();
        tokio::task::spawn_blocking(move || {
            let chunk = walk.next_chunk(ENTRIES_AT_ONCE);
            let _ = reporter.blocking_send(TaskReport::Listed { session, walk, chunk });
        });
    }

    pub(super) fn find(&mut self, session: SessionId, name: FileName) {
        let (shares, reporter) = (self.shares.clone(), self.reporter.clone());
        tokio::task::spawn_blocking(move || {
            let found = shares.find(&name);
            let _ = reporter.blocking_send(TaskReport::Found { session, found });
        });
    }

    pub(super) fn open_shared(
        &mut self,
        transfer: TransferId,
        name: FileName,
        size: u64,
        prefix_len: u64,
    ) {
        let cancelled = self.start_disk_read(transfer);
        let (shares, reporter) = (self.shares.clone(), self.reporter.clone());
        tokio::task::spawn_blocking(move || {
            let opened = OpenedFile::open(&shares, &name, size, prefix_len, &cancelled);
            let _ = reporter.blocking_send(TaskReport::Opened { transfer, opened });
        });
    }

    pub(super) fn opened(&mut self, transfer: TransferId, opened: Result<OpenedFile, Box<str>>) {
        // Cancelled meanwhile.
        if self.disk_reads.remove(&transfer).is_none() {
            return;
        }
        let digest = opened.map(|opened| {
            let digest = *opened.prefix.finalize().as_bytes();
            self.opened.insert(transfer, opened);
            digest
        });
        self.input(Input::Opened { transfer, digest });
    }

    pub(super) fn find_partial(
        &mut self,
        transfer: TransferId,
        name: FileName,
        size: u64,
        from: PublicKey,
    ) {
        let inbox = self.inbox.clone().filter(|_| size >= MIN_RESUMABLE_SIZE);
        let Some(inbox) = inbox else {
            return self.later(Input::PartialFound { transfer, has: None });
        };
        let cancelled = self.start_disk_read(transfer);
        let reporter = self.reporter.clone();
        tokio::task::spawn_blocking(move || {
            // An error is reported when the file is to be written.
            let created = inbox.create(&name, Some(&ResumeKey { from, size })).ok();
            let found = created.and_then(|partial| {
                let prefix = partial.prefix_hash(&cancelled).ok()?;
                Some(PartialPrefix { partial, prefix })
            });
            // Released first: after the report the user may inspect the folder.
            drop(inbox);
            let _ = reporter.blocking_send(TaskReport::PartialFound { transfer, found });
        });
    }

    pub(super) fn partial_found(&mut self, transfer: TransferId, found: Option<PartialPrefix>) {
        // Cancelled meanwhile.
        if self.disk_reads.remove(&transfer).is_none() {
            return;
        }
        let has = found.as_ref().filter(|found| found.partial.bytes() > 0);
        let has = has.map(|found| (found.partial.bytes(), *found.prefix.finalize().as_bytes()));
        if let Some(found) = found {
            self.prefixes.insert(transfer, found);
        }
        self.input(Input::PartialFound { transfer, has });
    }

    /// Cancels the disk reads of a transfer that has ended, and drops their results.
    pub(super) fn stop_disk_read(&mut self, transfer: TransferId) {
        if let Some(cancelled) = self.disk_reads.remove(&transfer) {
            cancelled.store(true, Ordering::Relaxed);
        }
        self.opened.remove(&transfer);
        if let Some(found) = self.prefixes.remove(&transfer) {
            self.keep(transfer, found.partial);
        }
    }

    fn start_disk_read(&mut self, transfer: TransferId) -> Arc<AtomicBool> {
        let cancelled = Arc::<AtomicBool>::default();
        self.disk_reads.insert(transfer, cancelled.clone());
        cancelled
    }
}
