//! A file on a data connection: how far it is, and its bytes in private (sections 11.3 and 13).

use std::time::Duration;

use xcher_core::peer::{ConnId, ReceiveEnd, TransferId};
use xcher_core::secure::SecureError;
use xcher_core::secure::record::{HEAD_LEN, MAX_PLAIN_LEN, TAG_LEN};
use xcher_core::stream::{Digest, Digests, Receiver, Seal, Sender};
use xcher_core::{FileName, Size};

use super::batch::Files;
use super::resume::Begun;

/// Bytes of a file that are read at a time: whole records.
const PIECE: u64 = 4 * MAX_PLAIN_LEN as u64;
/// Bytes of a file that may come for one request of its reader's.
pub(super) const WANTED: usize = 256 << 10;

/// A file that comes.
pub(super) struct Receive {
    pub(super) conn: ConnId,
    pub(super) transfer: TransferId,
    pub(super) name: FileName,
    /// The most that may come, in bytes.
    pub(super) limit: u64,
    pub(super) got: u64,
    /// Bytes of it that the state machine knows of.
    pub(super) told: u64,
    /// Bytes that are wanted now.
    pub(super) wanted: usize,
    opener: Option<Receiver>,
}

/// A file that goes.
pub(super) struct Send {
    pub(super) conn: ConnId,
    pub(super) transfer: TransferId,
    size: u64,
    /// Bytes of it that are on their way.
    pub(super) sent: u64,
    pub(super) told: u64,
    /// Up to here it was asked for.
    asked: u64,
    /// The length of a piece that was asked for and has not come.
    waits_for: usize,
    /// The next piece, while one goes.
    next: Option<Vec<u8>>,
    /// Up to here it was put into what is to be written.
    given: u64,
    sealer: Option<Sender>,
    /// The files, where it is a batch.
    files: Option<Box<Files>>,
    /// Those of them that were left out, by their place, and why.
    pub(super) unsent: Vec<(usize, Box<str>)>,
    /// The other side sends nothing more. It may still read, or be gone: where a whole connection was
    /// closed, the bridge has no way to say more.
    pub(super) shut: bool,
    /// It is taken for gone then.
    pub(super) gone: Option<Duration>,
}

/// What is to be read.
pub(super) struct Wanted {
    /// So many bytes.
    pub(super) length: usize,
    /// All of this file; else the next ones of the only file.
    pub(super) name: Option<FileName>,
}

impl Receive {
    pub(super) fn new(
        conn: ConnId,
        transfer: TransferId,
        name: FileName,
        size: Size,
        begun: Begun,
        seal: Option<Seal>,
    ) -> Result<Self, SecureError> {
        let opener = seal.map(|seal| seal.receiver(begun.digest)).transpose()?;
        let (limit, got) = (size.limit(), begun.bytes);
        Ok(Self { conn, transfer, name, limit, got, told: got, wanted: WANTED, opener })
    }

    /// Takes what came, and gives the file's bytes in it. An error is the end.
    pub(super) fn take(&mut self, bytes: &[u8], give: &dyn Fn(&[u8])) -> Result<(), ReceiveEnd> {
        let Some(mut opener) = self.opener.take() else { return self.keep(bytes, give) };
        let mut rest = bytes;
        while let Some((held, text)) = opener.receive(&mut rest).map_err(broken)? {
            // Held back, because it could have been the sum.
            self.keep(held.as_ref().map_or(&[], Digest::as_slice), give)?;
            self.keep(text, give)?;
        }
        self.opener = Some(opener);
        Ok(())
    }

    /// The connection ended in order: the sums, where both sides verify.
    pub(super) fn finish(&mut self) -> Result<Option<Digests>, ReceiveEnd> {
        self.opener.take().map_or(Ok(None), Receiver::finish).map_err(broken)
    }

    fn keep(&mut self, bytes: &[u8], give: &dyn Fn(&[u8])) -> Result<(), ReceiveEnd> {
        if bytes.len() as u64 > self.limit - self.got {
            return Err(ReceiveEnd::Excess);
        }
        if !bytes.is_empty() {
            self.got += bytes.len() as u64;
            self.wanted = self.wanted.saturating_sub(bytes.len());
            give(bytes);
        }
        Ok(())
    }
}

impl Send {
    pub(super) fn new(
        conn: ConnId,
        transfer: TransferId,
        size: u64,
        begun: Begun,
        seal: Option<Seal>,
    ) -> Result<Self, SecureError> {
        let sealer = seal.map(|seal| seal.sender(begun.digest)).transpose()?;
        Ok(Self {
            conn,
            transfer,
            size,
            sent: begun.bytes,
            told: begun.bytes,
            asked: begun.bytes,
            waits_for: 0,
            next: None,
            given: begun.bytes,
            sealer,
            files: None,
            unsent: Vec::new(),
            shut: false,
            gone: None,
        })
    }

    /// As [`new`](Self::new), of many files.
    pub(super) fn batch(
        conn: ConnId,
        transfer: TransferId,
        files: Vec<(FileName, u64)>,
        seal: Seal,
    ) -> Result<Self, SecureError> {
        let size = files.iter().map(|(_, size)| size).sum();
        let files = Some(Box::new(Files::new(files, seal)?));
        Ok(Self { files, ..Self::new(conn, transfer, size, Begun::default(), None)? })
    }

    /// What is to be read next, if it is time.
    pub(super) fn ask(&mut self) -> Option<Wanted> {
        if let Some(files) = &mut self.files {
            return files.ask();
        }
        if self.waits_for > 0 || self.next.is_some() || self.asked == self.size {
            return None;
        }
        let length = (self.size - self.asked).min(PIECE);
        self.asked += length;
        self.waits_for = length as usize;
        Some(Wanted { length: self.waits_for, name: None })
    }

    /// The piece that was asked for. False if its length is another.
    pub(super) fn supply(&mut self, piece: Vec<u8>) -> bool {
        if let Some(files) = &mut self.files {
            files.supply(Ok(piece), &mut self.unsent);
            return true;
        }
        let fits = piece.len() == std::mem::take(&mut self.waits_for);
        self.next = Some(piece);
        fits
    }

    /// What was asked for cannot be read. Whether the others go on without it.
    pub(super) fn unread(&mut self, why: &str) -> bool {
        let files = self.files.as_mut();
        files.map(|files| files.supply(Err(why), &mut self.unsent)).is_some()
    }

    /// Fills `out`, which is empty, with what is to be written next, if there is something.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) -> Result<(), SecureError> {
        if let Some(files) = &mut self.files {
            self.given += files.write(out)?;
            if out.is_empty()
                && files.is_over()
                && let Some(files) = self.files.take()
            {
                files.finish(out)?;
            }
        } else if let Some(piece) = self.next.take() {
            self.given += piece.len() as u64;
            let Some(sealer) = &mut self.sealer else {
                *out = piece;
                return Ok(());
            };
            // Once, for all pieces of the file.
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
        } else if self.given == self.size
            && let Some(sealer) = self.sealer.take()
        {
            *out = sealer.finish()?;
        }
        Ok(())
    }

    /// So much of what was written last has still to leave.
    pub(super) fn went(&mut self, left: usize) {
        // Of what is sealed, some of that is no file.
        self.sent = self.sent.max(self.given.saturating_sub(left as u64));
    }

    /// Whether there is nothing more to write.
    pub(super) fn is_written(&self) -> bool {
        self.given == self.size && self.sealer.is_none() && self.files.is_none()
    }
}

pub(super) fn broken(error: SecureError) -> ReceiveEnd {
    ReceiveEnd::Broken(error.to_string().into())
}
