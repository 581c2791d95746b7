//! Many small files in one data connection (section 18).

use std::collections::VecDeque;
use std::vec;

use xcher_core::FileName;
use xcher_core::batch::{BatchItem, BatchReceiver, BatchSender};
use xcher_core::peer::{BatchFile, BatchFileEnd, ConnId, ReceiveEnd, TransferId};
use xcher_core::secure::SecureError;
use xcher_core::stream::Seal;

use super::file::{Wanted, broken};

/// Files that are read at a time.
const AHEAD: usize = 16;

/// Files that come.
pub(super) struct ReceiveBatch {
    pub(super) conn: ConnId,
    pub(super) transfer: TransferId,
    files: Vec<BatchFile>,
    /// How many of them came, or were left out.
    came: usize,
    /// Those that are not wanted any more.
    unwanted: Vec<TransferId>,
    /// Bytes of those that came.
    pub(super) got: u64,
    receiver: Option<BatchReceiver>,
    /// Whether each comes with its sum.
    pub(super) verify: bool,
}

/// What is still to be sent of a batch.
pub(super) struct Files {
    left: vec::IntoIter<(FileName, u64)>,
    /// The lengths of those that were asked for and have not come.
    asked: VecDeque<u64>,
    /// How many came, or cannot.
    supplied: usize,
    /// What came of them; nothing of those that are not sent.
    read: VecDeque<(u64, Option<Vec<u8>>)>,
    sender: BatchSender,
}

impl ReceiveBatch {
    pub(super) fn new(
        conn: ConnId,
        transfer: TransferId,
        files: Vec<BatchFile>,
        seal: Seal,
    ) -> Result<Self, SecureError> {
        let sizes = files.iter().map(|file| file.size).collect();
        let receiver = seal.batch_receiver(sizes)?;
        let verify = receiver.verifies();
        let (came, unwanted, receiver) = (0, Vec::new(), Some(receiver));
        Ok(Self { conn, transfer, files, came, unwanted, got: 0, receiver, verify })
    }

    /// Takes what came, and gives the bytes of each file that is whole with it. How each ended that
    /// did, and what ended all of it, if something did.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        give: &dyn Fn(TransferId, &[u8]),
    ) -> (Vec<(TransferId, BatchFileEnd)>, Option<ReceiveEnd>) {
        let Self { files, came, unwanted, got, .. } = self;
        let mut ended = Vec::new();
        let Some(receiver) = &mut self.receiver else { return (ended, None) };
        let taken = receiver.receive(bytes, |at, arrived| {
            let BatchFile { transfer, name, .. } = &files[at];
            *came = at + 1;
            if unwanted.contains(transfer) {
                return;
            }
            let end = match arrived {
                BatchItem::Complete(bytes) => {
                    *got += bytes.len() as u64;
                    give(*transfer, bytes);
                    BatchFileEnd::Stored(name.clone())
                }
                BatchItem::NotSent => BatchFileEnd::Missing,
                BatchItem::Corrupt => BatchFileEnd::Altered,
            };
            ended.push((*transfer, end));
        });
        (ended, taken.map_err(broken).err())
    }

    /// Whether a file is one of it.
    pub(super) fn has(&self, file: TransferId) -> bool {
        self.files.iter().any(|its| its.transfer == file)
    }

    /// Takes nothing of a file that is not wanted any more.
    pub(super) fn forget(&mut self, file: TransferId) {
        if self.has(file) {
            self.unwanted.push(file);
        }
    }

    /// The files that are wanted and did not come.
    pub(super) fn not_come(&self) -> impl Iterator<Item = TransferId> {
        self.files[self.came..].iter().map(|file| file.transfer)
    }

    /// The connection ended in order.
    pub(super) fn finish(&mut self) -> Result<(), ReceiveEnd> {
        self.receiver.take().map_or(Ok(()), BatchReceiver::finish).map_err(broken)
    }
}

impl Files {
    pub(super) fn new(files: Vec<(FileName, u64)>, seal: Seal) -> Result<Self, SecureError> {
        let sender = seal.batch_sender()?;
        let (asked, read) = (VecDeque::new(), VecDeque::new());
        Ok(Self { left: files.into_iter(), asked, supplied: 0, read, sender })
    }

    pub(super) fn ask(&mut self) -> Option<Wanted> {
        if self.asked.len() + self.read.len() >= AHEAD {
            return None;
        }
        let (name, size) = self.left.next()?;
        self.asked.push_back(size);
        Some(Wanted { length: size as usize, name: Some(name) })
    }

    /// The oldest that was asked for, or why it cannot be read.
    pub(super) fn supply(
        &mut self,
        file: Result<Vec<u8>, &str>,
        unsent: &mut Vec<(usize, Box<str>)>,
    ) {
        let Some(size) = self.asked.pop_front() else { return };
        let whole = file.and_then(|file| match file.len() as u64 == size {
            true => Ok(file),
            false => Err("its size changed"),
        });
        if let Err(why) = whole {
            unsent.push((self.supplied, why.into()));
        }
        self.supplied += 1;
        self.read.push_back((size, whole.ok()));
    }

    /// Appends what can be sent to `out`; the bytes of files in it, sent or not.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) -> Result<u64, SecureError> {
        let mut given = 0;
        while out.is_empty()
            && let Some((size, file)) = self.read.pop_front()
        {
            self.sender.file(file.as_deref(), out)?;
            given += size;
        }
        Ok(given)
    }

    pub(super) fn is_over(&self) -> bool {
        self.left.len() + self.asked.len() + self.read.len() == 0
    }

    pub(super) fn finish(self, out: &mut Vec<u8>) -> Result<(), SecureError> {
        self.sender.finish(out)
    }
}
