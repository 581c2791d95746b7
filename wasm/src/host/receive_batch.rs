//! A batch that this host receives: many small files over one data connection (section 18).

use xcher_core::batch::{BatchItem, BatchReceiver};
use xcher_core::peer::{BatchFile, BatchFileEnd, ConnId, ReceiveEnd, TransferId};
use xcher_core::secure::SecureError;
use xcher_core::stream::Seal;

use super::receive_file::broken;

/// A batch being received.
pub(super) struct ReceiveBatch {
    pub(super) conn: ConnId,
    pub(super) transfer: TransferId,
    files: Vec<BatchFile>,
    /// Files that arrived or that the provider left out.
    arrived: usize,
    /// Files that the application no longer wants.
    dropped: Vec<TransferId>,
    /// Bytes of the files that arrived.
    pub(super) received: u64,
    receiver: Option<BatchReceiver>,
    /// True if each file comes with its digest.
    pub(super) verifies: bool,
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
        let verifies = receiver.verifies();
        let receiver = Some(receiver);
        Ok(Self {
            conn,
            transfer,
            files,
            arrived: 0,
            dropped: Vec::new(),
            received: 0,
            receiver,
            verifies,
        })
    }

    /// Takes received bytes and passes on each file that is complete with them. Returns how each of those
    /// files ended, and the error that ended the batch, if any.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        deliver: &dyn Fn(TransferId, &[u8]),
    ) -> (Vec<(TransferId, BatchFileEnd)>, Option<ReceiveEnd>) {
        let Self { files, arrived, dropped, received, .. } = self;
        let mut ended = Vec::new();
        let Some(receiver) = &mut self.receiver else { return (ended, None) };
        let result = receiver.receive(bytes, |at, file| {
            let BatchFile { transfer, name, .. } = &files[at];
            *arrived = at + 1;
            if dropped.contains(transfer) {
                return;
            }
            let end = match file {
                BatchItem::Complete(bytes) => {
                    *received += bytes.len() as u64;
                    deliver(*transfer, bytes);
                    BatchFileEnd::Stored(name.clone())
                }
                BatchItem::NotSent => BatchFileEnd::Missing,
                BatchItem::Corrupt => BatchFileEnd::Altered,
            };
            ended.push((*transfer, end));
        });
        (ended, result.map_err(broken).err())
    }

    /// Returns true if the file is one of this batch.
    pub(super) fn contains(&self, file: TransferId) -> bool {
        self.files.iter().any(|its| its.transfer == file)
    }

    /// Discards a file when it arrives.
    pub(super) fn drop_file(&mut self, file: TransferId) {
        if self.contains(file) {
            self.dropped.push(file);
        }
    }

    /// Returns the files that have not arrived.
    pub(super) fn outstanding(&self) -> impl Iterator<Item = TransferId> {
        self.files[self.arrived..].iter().map(|file| file.transfer)
    }

    /// Checks that the batch is complete once the provider has closed the connection in order.
    pub(super) fn finish(&mut self) -> Result<(), ReceiveEnd> {
        self.receiver.take().map_or(Ok(()), BatchReceiver::finish).map_err(broken)
    }
}
