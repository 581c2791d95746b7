//! Complete files that the application has not stored yet (section 19).

use xcher_core::peer::{BatchFileEnd, Input, ReceiveEnd, TransferId};
use xcher_core::{FileName, NotStored};

use super::stream::Role;
use super::{Environment, Host};

/// Complete files that the application has, or can read, and has not reported as stored or not. There are
/// no more of them than the core requests at a time, because each still counts as under way, unless the
/// application has deferred them.
#[derive(Default)]
pub(super) struct PendingFiles {
    files: Vec<(TransferId, PendingFile)>,
    /// Batches whose connection has ended while some of their files are pending, with the bytes received.
    ended_batches: Vec<(TransferId, u64, ReceiveEnd)>,
}

struct PendingFile {
    name: FileName,
    batch: Option<TransferId>,
    /// The application has it, and stores it later, with others.
    deferred: bool,
}

impl PendingFiles {
    /// Returns the batches of which a file is pending that was not deferred.
    pub(super) fn batches(&self) -> Vec<TransferId> {
        // They are few, and sorting would be 1 KiB of the package.
        let mut batches = Vec::new();
        let due = self.files.iter().filter(|(_, file)| !file.deferred);
        for batch in due.filter_map(|(_, file)| file.batch) {
            if !batches.contains(&batch) {
                batches.push(batch);
            }
        }
        batches
    }

    fn take(&mut self, transfer: TransferId) -> Option<PendingFile> {
        let at = self.files.iter().position(|(one, _)| *one == transfer)?;
        Some(self.files.swap_remove(at).1)
    }

    fn has_some_of(&self, batch: TransferId) -> bool {
        self.files.iter().any(|(_, file)| file.batch == Some(batch))
    }

    /// Returns true if the connection of a batch has ended, and all of its files that are pending are deferred.
    fn is_deferred(&self, batch: TransferId) -> bool {
        let mut its = self.files.iter().filter(|(_, file)| file.batch == Some(batch));
        self.ended_batches.iter().any(|(one, ..)| *one == batch)
            && its.all(|(_, file)| file.deferred)
    }
}

impl<E: Environment> Host<E> {
    /// Takes the report that the application has stored a complete file.
    pub fn stored(&mut self, transfer: TransferId) {
        if let Some(PendingFile { name, batch, .. }) = self.pending.take(transfer) {
            self.input(match batch {
                None => Input::Stored { transfer, name },
                Some(batch) => batch_progress(batch, transfer, BatchFileEnd::Stored(name)),
            });
            self.settled(batch);
            self.act_on(Vec::new());
        }
        self.turn();
    }

    /// Takes the report that the application has a complete file, and stores it later, with others. The next
    /// files arrive meanwhile.
    pub fn defer(&mut self, transfer: TransferId) {
        let mut files = self.pending.files.iter_mut();
        let Some((_, file)) = files.find(|(one, _)| *one == transfer) else { return };
        file.deferred = true;
        match file.batch {
            None => self.input(Input::Deferred { transfer }),
            Some(batch) => self.defer_batch(batch),
        }
        self.act_on(Vec::new());
        self.turn();
    }

    fn defer_batch(&mut self, batch: TransferId) {
        if self.pending.is_deferred(batch) {
            self.input(Input::Deferred { transfer: batch });
        }
    }

    /// Takes the report that the application cannot store a file, complete or not.
    pub fn not_stored(&mut self, transfer: TransferId, reason: NotStored, why: &str) {
        let why = Box::from(why);
        if let Some(PendingFile { batch, .. }) = self.pending.take(transfer) {
            self.input(match batch {
                None => Input::StoreFailed { transfer, reason, why },
                Some(batch) => {
                    batch_progress(batch, transfer, BatchFileEnd::Failed { reason, why })
                }
            });
            self.settled(batch);
            self.act_on(Vec::new());
        } else if let Some(input) = self.stop_receiving(transfer, reason, why) {
            self.input(input);
        } else {
            // The transfer is over, or its data connection is not established yet.
            let _ = self.with(|peer, now, actions| peer.cancel(transfer, now, actions));
        }
        self.turn();
    }

    fn stop_receiving(
        &mut self,
        transfer: TransferId,
        reason: NotStored,
        why: Box<str>,
    ) -> Option<Input<'static>> {
        self.streams.iter_mut().find_map(|stream| match &mut stream.role {
            Role::Receive(file) if file.transfer == transfer => {
                let (bytes, end) = (file.received, ReceiveEnd::Disk { reason, why: why.clone() });
                stream.role = Role::Over;
                Some(Input::ReceiveEnded { transfer, bytes, digests: None, end })
            }
            Role::ReceiveBatch(batch) if batch.contains(transfer) => {
                let end = BatchFileEnd::Failed { reason, why: why.clone() };
                Some(batch_progress(batch.transfer, transfer, end))
            }
            _ => None,
        })
    }

    /// Keeps a complete file as pending and reports it to the application.
    pub(super) fn file_complete(
        &mut self,
        transfer: TransferId,
        name: FileName,
        batch: Option<TransferId>,
        verified: bool,
    ) {
        self.pending.files.push((transfer, PendingFile { name, batch, deferred: false }));
        self.environment.file_complete(transfer, verified);
    }

    /// Ends a batch whose connection has ended, or defers that until none of its files is pending.
    pub(super) fn end_batch(&mut self, transfer: TransferId, bytes: u64, end: ReceiveEnd) {
        if self.pending.has_some_of(transfer) {
            self.pending.ended_batches.push((transfer, bytes, end));
            self.defer_batch(transfer);
        } else {
            self.input(Input::ReceiveEnded { transfer, bytes, digests: None, end });
        }
    }

    /// Forgets a transfer that failed.
    pub(super) fn forget_pending(&mut self, transfer: TransferId) {
        match self.pending.take(transfer) {
            Some(PendingFile { batch, .. }) => self.settled(batch),
            None => {
                for stream in &mut self.streams {
                    if let Role::ReceiveBatch(batch) = &mut stream.role {
                        batch.drop_file(transfer);
                    }
                }
            }
        }
    }

    /// Ends a batch whose connection has ended once the last of its files is settled.
    fn settled(&mut self, batch: Option<TransferId>) {
        let Some(batch) = batch else { return };
        let ended = self.pending.ended_batches.iter().position(|(one, ..)| *one == batch);
        if let Some(at) = ended
            && !self.pending.has_some_of(batch)
        {
            let (transfer, bytes, end) = self.pending.ended_batches.swap_remove(at);
            self.queue_input(Input::ReceiveEnded { transfer, bytes, digests: None, end });
        }
    }
}

fn batch_progress(batch: TransferId, file: TransferId, end: BatchFileEnd) -> Input<'static> {
    Input::BatchProgress { transfer: batch, files: vec![(file, end)] }
}
