//! Files that are to be sent: opened before anyone is connected to, so that what cannot be read gets a NO.

use std::fs::File;
use std::io;
use std::sync::atomic::AtomicBool;

use xcher_core::FileName;
use xcher_core::peer::{Input, TransferId};
use xcher_core::stream::Hasher;

use super::Host;
use super::task_report::Happened;
use crate::data::Mark;
use crate::files::{Shares, prefix_hash};

/// A file that is to be sent.
pub(super) struct Opened {
    pub(super) file: File,
    /// What it was when it was opened.
    pub(super) mark: Mark,
    /// The sum of what the other side has of it.
    pub(super) begun: Hasher,
}

impl Host {
    pub(super) fn open_shared(
        &mut self,
        transfer: TransferId,
        name: FileName,
        size: u64,
        length: u64,
    ) {
        let cancelled = self.look(transfer);
        let (shares, reporter) = (self.shares.clone(), self.reporter.clone());
        tokio::task::spawn_blocking(move || {
            let opened = Opened::of(&shares, &name, size, length, &cancelled);
            let _ = reporter.blocking_send(Happened::Opened { transfer, opened });
        });
    }

    pub(super) fn opened(&mut self, transfer: TransferId, opened: Result<Opened, Box<str>>) {
        // Given up meanwhile.
        if self.looking.remove(&transfer).is_none() {
            return;
        }
        let digest = opened.map(|opened| {
            let digest = *opened.begun.finalize().as_bytes();
            self.opened.insert(transfer, opened);
            digest
        });
        self.input(Input::Opened { transfer, digest });
    }
}

impl Opened {
    /// Blocks on the disk, for as long as it takes to read so many bytes of the file.
    fn of(
        shares: &Shares,
        name: &FileName,
        size: u64,
        length: u64,
        cancelled: &AtomicBool,
    ) -> Result<Self, Box<str>> {
        let unread = |error: io::Error| format!("the file cannot be read: {error}");
        let (file, _) = shares.open_file(name, size).map_err(|error| error.to_string())?;
        let mark = Mark::of(&file).map_err(unread)?;
        if mark.length() != size {
            return Err("the file changed while it was opened".into());
        }
        let begun = match length {
            0 => Hasher::new(),
            length => prefix_hash(&file, length, cancelled).map_err(unread)?,
        };
        Ok(Self { file, mark, begun })
    }
}
