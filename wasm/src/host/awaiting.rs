//! Files that came whole, until the application says whether it has stored them (section 19).

use xcher_core::peer::{BatchFileEnd, Input, ReceiveEnd, TransferId};
use xcher_core::{FileName, NotStored};

use super::stream::Role;
use super::{Host, Outside};

/// Whole files whose bytes the application has, or may read, and has not stored yet. They are no more than
/// the state machine requests at a time: what is awaited counts as on its way.
#[derive(Default)]
pub(super) struct Awaiting {
    files: Vec<(TransferId, Whole)>,
    /// Batches whose connections are over, with the bytes that came; they end when their files are settled.
    ended: Vec<(TransferId, u64, ReceiveEnd)>,
}

struct Whole {
    name: FileName,
    batch: Option<TransferId>,
}

impl Awaiting {
    /// The batches of which a file is awaited.
    pub(super) fn batches(&self) -> Vec<TransferId> {
        let mut batches: Vec<_> = self.files.iter().filter_map(|(_, file)| file.batch).collect();
        batches.sort_unstable();
        batches.dedup();
        batches
    }

    fn take(&mut self, transfer: TransferId) -> Option<Whole> {
        let at = self.files.iter().position(|(one, _)| *one == transfer)?;
        Some(self.files.swap_remove(at).1)
    }

    fn has_some_of(&self, batch: TransferId) -> bool {
        self.files.iter().any(|(_, file)| file.batch == Some(batch))
    }
}

impl<O: Outside> Host<O> {
    /// The application has stored a file, of which it was told that it is whole.
    pub fn stored(&mut self, transfer: TransferId) {
        if let Some(Whole { name, batch }) = self.awaiting.take(transfer) {
            self.input(match batch {
                None => Input::Stored { transfer, name },
                Some(batch) => batch_moved(batch, transfer, BatchFileEnd::Stored(name)),
            });
            self.settled(batch);
            self.act_on(Vec::new());
        }
        self.turn();
    }

    /// The application cannot store a file, whether it is whole or not.
    pub fn unstored(&mut self, transfer: TransferId, reason: NotStored, why: &str) {
        let why = Box::from(why);
        if let Some(Whole { batch, .. }) = self.awaiting.take(transfer) {
            self.input(match batch {
                None => Input::StoreFailed { transfer, reason, why },
                Some(batch) => batch_moved(batch, transfer, BatchFileEnd::Failed { reason, why }),
            });
            self.settled(batch);
            self.act_on(Vec::new());
        } else if let Some(input) = self.unstored_on_its_way(transfer, reason, why) {
            self.input(input);
        } else {
            // It is over, or was not sent yet.
            let _ = self.with(|peer, now, actions| peer.cancel(transfer, now, actions));
        }
        self.turn();
    }

    fn unstored_on_its_way(
        &mut self,
        transfer: TransferId,
        reason: NotStored,
        why: Box<str>,
    ) -> Option<Input<'static>> {
        self.links.iter_mut().find_map(|link| match &mut link.role {
            Role::Receive(file) if file.transfer == transfer => {
                let (bytes, end) = (file.got, ReceiveEnd::Disk { reason, why: why.clone() });
                link.role = Role::Over;
                Some(Input::ReceiveEnded { transfer, bytes, digests: None, end })
            }
            Role::ReceiveBatch(batch) if batch.has(transfer) => {
                let end = BatchFileEnd::Failed { reason, why: why.clone() };
                Some(batch_moved(batch.transfer, transfer, end))
            }
            _ => None,
        })
    }

    /// A file is whole, and came with its digest or not.
    pub(super) fn whole(
        &mut self,
        transfer: TransferId,
        name: FileName,
        batch: Option<TransferId>,
        verified: bool,
    ) {
        self.awaiting.files.push((transfer, Whole { name, batch }));
        self.outside.whole(transfer, verified);
    }

    /// The connection of a batch is over: so is the batch, unless files of it are awaited.
    pub(super) fn end_batch(&mut self, transfer: TransferId, bytes: u64, end: ReceiveEnd) {
        if self.awaiting.has_some_of(transfer) {
            self.awaiting.ended.push((transfer, bytes, end));
        } else {
            self.input(Input::ReceiveEnded { transfer, bytes, digests: None, end });
        }
    }

    /// A transfer failed, and nothing of it is awaited any more.
    pub(super) fn no_longer_awaited(&mut self, transfer: TransferId) {
        match self.awaiting.take(transfer) {
            Some(Whole { batch, .. }) => self.settled(batch),
            None => {
                for link in &mut self.links {
                    if let Role::ReceiveBatch(batch) = &mut link.role {
                        batch.forget(transfer);
                    }
                }
            }
        }
    }

    /// A file of this batch is settled. If it was the last, the batch ends.
    fn settled(&mut self, batch: Option<TransferId>) {
        let Some(batch) = batch else { return };
        let ended = self.awaiting.ended.iter().position(|(transfer, ..)| *transfer == batch);
        if let Some(at) = ended
            && !self.awaiting.has_some_of(batch)
        {
            let (transfer, bytes, end) = self.awaiting.ended.swap_remove(at);
            self.later(Input::ReceiveEnded { transfer, bytes, digests: None, end });
        }
    }
}

fn batch_moved(batch: TransferId, file: TransferId, end: BatchFileEnd) -> Input<'static> {
    Input::BatchProgress { transfer: batch, files: vec![(file, end)] }
}
