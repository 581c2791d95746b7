//! The receiving end of a data connection.

use xcher_core::FileName;
use xcher_core::batch::{BatchItem, BatchReceiver};
use xcher_core::peer::{BatchFile, ConnId, ReceiveEnd};
use xcher_core::stream::Receiver;

pub struct Receiving {
    pub conn: ConnId,
    pub bytes: Vec<u8>,
    pub limit: u64,
    /// The batch, where it is one.
    pub batch: Option<Batch>,
    /// Decrypts the bytes of an encrypted session.
    pub seal: Option<Receiver>,
    pub name: FileName,
    /// Set once its end was reported.
    pub over: bool,
}

/// The files of a batch and those that arrived.
pub type Batch = (BatchReceiver, Vec<BatchFile>, Vec<(BatchFile, Arrived)>);

/// One file of a batch.
pub enum Arrived {
    Complete(Vec<u8>),
    NotSent,
    Corrupt,
}

impl Receiving {
    /// Takes bytes of its connection.
    pub fn take(&mut self, mut piece: &[u8]) -> Result<(), ReceiveEnd> {
        if let Some((batch, files, came)) = &mut self.batch {
            let each = |at: usize, arrived: BatchItem<'_>| {
                let how = match arrived {
                    BatchItem::Complete(bytes) => Arrived::Complete(bytes.to_vec()),
                    BatchItem::NotSent => Arrived::NotSent,
                    BatchItem::Corrupt => Arrived::Corrupt,
                };
                came.push((files[at].clone(), how));
            };
            let taken = batch.receive(piece, each);
            return taken.map_err(|error| ReceiveEnd::Broken(error.to_string().into()));
        }
        let Some(seal) = &mut self.seal else {
            return keep(&mut self.bytes, self.limit, piece);
        };
        loop {
            match seal.receive(&mut piece) {
                Ok(Some((before, text))) => {
                    if let Some(held) = &before {
                        keep(&mut self.bytes, self.limit, held)?;
                    }
                    keep(&mut self.bytes, self.limit, text)?;
                }
                Ok(None) => return Ok(()),
                Err(error) => return Err(ReceiveEnd::Broken(error.to_string().into())),
            }
        }
    }
}

fn keep(bytes: &mut Vec<u8>, limit: u64, piece: &[u8]) -> Result<(), ReceiveEnd> {
    let room = limit as usize - bytes.len();
    bytes.extend(&piece[..piece.len().min(room)]);
    if piece.len() > room { Err(ReceiveEnd::Excess) } else { Ok(()) }
}
