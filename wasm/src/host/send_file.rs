//! A file or batch that this host sends over a data connection, encrypted (sections 11.3, 13 and 18).

use std::time::Duration;

use xcher_core::FileName;
use xcher_core::peer::{ConnId, TransferId};
use xcher_core::secure::SecureError;
use xcher_core::secure::record::{HEAD_LEN, MAX_PLAIN_LEN, TAG_LEN};
use xcher_core::stream::{Seal, Sender};

use super::batch_files::{BatchFiles, ReadRequest};
use super::resume::Prefix;

/// Bytes of a file that JavaScript reads at a time: a whole number of records.
const READ_LEN: u64 = 4 * MAX_PLAIN_LEN as u64;

/// A file being sent, or a batch.
pub(super) struct SendFile {
    pub(super) conn: ConnId,
    pub(super) transfer: TransferId,
    size: u64,
    /// Bytes of the file that the tunnel has taken.
    pub(super) sent: u64,
    /// Bytes reported to the core as progress.
    pub(super) reported: u64,
    /// Bytes of the file requested from JavaScript.
    requested: u64,
    /// Length of the piece that JavaScript is reading; 0 for none.
    outstanding: usize,
    /// The piece to be written next.
    next: Option<Vec<u8>>,
    /// Bytes of the file written to the stream's buffer.
    written: u64,
    sealer: Option<Sender>,
    /// The files of a batch.
    batch: Option<Box<BatchFiles>>,
    /// Files of the batch that were left out, by position, and why.
    pub(super) unsent: Vec<(usize, Box<str>)>,
    /// Set once the requester has closed its side. It may still read, or have closed the whole connection:
    /// the bridge cannot tell the two apart.
    pub(super) peer_closed: bool,
    /// Time at which the requester counts as disconnected.
    pub(super) give_up_at: Option<Duration>,
}

impl SendFile {
    pub(super) fn new(
        conn: ConnId,
        transfer: TransferId,
        size: u64,
        prefix: Prefix,
        seal: Option<Seal>,
    ) -> Result<Self, SecureError> {
        let sealer = seal.map(|seal| seal.sender(prefix.digest)).transpose()?;
        let start = prefix.bytes;
        Ok(Self {
            conn,
            transfer,
            size,
            sent: start,
            reported: start,
            requested: start,
            outstanding: 0,
            next: None,
            written: start,
            sealer,
            batch: None,
            unsent: Vec::new(),
            peer_closed: false,
            give_up_at: None,
        })
    }

    /// Sends a batch.
    pub(super) fn batch(
        conn: ConnId,
        transfer: TransferId,
        files: Vec<(FileName, u64)>,
        seal: Seal,
    ) -> Result<Self, SecureError> {
        let size = files.iter().map(|(_, size)| size).sum();
        let batch = Some(Box::new(BatchFiles::new(files, seal)?));
        Ok(Self { batch, ..Self::new(conn, transfer, size, Prefix::default(), None)? })
    }

    /// Returns what JavaScript should read next, if there is room for it.
    pub(super) fn next_read(&mut self) -> Option<ReadRequest> {
        if let Some(batch) = &mut self.batch {
            return batch.next_read();
        }
        if self.outstanding > 0 || self.next.is_some() || self.requested == self.size {
            return None;
        }
        let length = (self.size - self.requested).min(READ_LEN);
        self.requested += length;
        self.outstanding = length as usize;
        Some(ReadRequest { length: self.outstanding, name: None })
    }

    /// Takes the bytes that were requested. Returns false if their length differs.
    pub(super) fn supply(&mut self, piece: Vec<u8>) -> bool {
        if let Some(batch) = &mut self.batch {
            batch.supply(Ok(piece), &mut self.unsent);
            return true;
        }
        let fits = piece.len() == std::mem::take(&mut self.outstanding);
        self.next = Some(piece);
        fits
    }

    /// Records that the requested bytes cannot be read. Returns true if the rest of a batch can still be
    /// sent.
    pub(super) fn read_failed(&mut self, why: &str) -> bool {
        let batch = self.batch.as_mut();
        batch.map(|batch| batch.supply(Err(why), &mut self.unsent)).is_some()
    }

    /// Fills the empty `out` with the next bytes to be written, if there are any.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) -> Result<(), SecureError> {
        if let Some(batch) = &mut self.batch {
            self.written += batch.write(out)?;
            if out.is_empty()
                && batch.is_empty()
                && let Some(batch) = self.batch.take()
            {
                batch.finish(out)?;
            }
        } else if let Some(piece) = self.next.take() {
            self.written += piece.len() as u64;
            let Some(sealer) = &mut self.sealer else {
                *out = piece;
                return Ok(());
            };
            // One allocation, which later pieces of the file reuse.
            out.reserve_exact(
                piece.len() + piece.len().div_ceil(MAX_PLAIN_LEN) * (HEAD_LEN + TAG_LEN),
            );
            for text in piece.chunks(MAX_PLAIN_LEN) {
                let from = out.len();
                out.extend_from_slice(&[0; HEAD_LEN]);
                out.extend_from_slice(text);
                out.extend_from_slice(&[0; TAG_LEN]);
                sealer.seal(&mut out[from..])?;
            }
        } else if self.written == self.size
            && let Some(sealer) = self.sealer.take()
        {
            *out = sealer.finish()?;
        }
        Ok(())
    }

    /// Counts the bytes sent, given the length of what is still buffered.
    pub(super) fn buffered(&mut self, length: usize) {
        // Records are longer than the file bytes in them.
        self.sent = self.sent.max(self.written.saturating_sub(length as u64));
    }

    /// Returns true if nothing is left to be written.
    pub(super) fn is_written(&self) -> bool {
        self.written == self.size && self.sealer.is_none() && self.batch.is_none()
    }
}
