//! Many small files in one data connection (section 18).
//!
//! For each file of the batch, in its order: one byte, 1 if the file follows and 0 if it does not, then
//! its bytes, as many as were asked for, and, where both sides verify, their sum.

use alloc::vec::Vec;

use crate::secure::{DataOpener, DataSealer, SecureError, record};
use crate::stream::{Digest, Seal};

/// The most files in a batch.
pub const MAX_FILES: usize = 1024;
/// The longest file in a batch, in bytes.
pub const MAX_FILE_LEN: u64 = 256 << 10;
/// The most bytes of files in a batch.
pub const MAX_BATCH_LEN: u64 = 16 << 20;

const NOT_SENT: u8 = 0;
const FOLLOWS: u8 = 1;

/// Seals the files of a batch, one after the other.
#[derive(Debug)]
pub struct BatchSender {
    sealer: DataSealer,
    verify: bool,
    /// The record that is being filled: room for its head, and what is in it.
    record: Vec<u8>,
}

/// Opens a batch.
#[derive(Debug)]
pub struct BatchReceiver {
    opener: DataOpener,
    verify: bool,
    /// The lengths of the files to come.
    sizes: Vec<u64>,
    /// Which of them is next.
    next: usize,
    /// What came of it.
    came: Vec<u8>,
}

/// What came of one file of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchItem<'a> {
    /// All of it.
    Complete(&'a [u8]),
    /// The other side did not send it.
    NotSent,
    /// Its sum is another than the one that was told.
    Corrupt,
}

impl Seal {
    /// Begins to send many files.
    ///
    /// # Errors
    ///
    /// [`SecureError`] where this host has not the cipher.
    pub fn batch_sender(self) -> Result<BatchSender, SecureError> {
        let record = Vec::from([0; record::HEAD_LEN]);
        Ok(BatchSender { sealer: self.key.sealer()?, verify: self.verify, record })
    }

    /// Begins to receive many files, of these lengths.
    ///
    /// # Errors
    ///
    /// [`SecureError`] where this host has not the cipher.
    pub fn batch_receiver(self, sizes: Vec<u64>) -> Result<BatchReceiver, SecureError> {
        let (opener, verify) = (self.key.opener()?, self.verify);
        Ok(BatchReceiver { opener, verify, sizes, next: 0, came: Vec::new() })
    }
}

impl BatchSender {
    /// Appends the next file's bytes, of the length that was asked for; `None` if it is not sent. Some
    /// of it may wait for the next.
    ///
    /// # Errors
    ///
    /// [`SecureError::Exhausted`].
    pub fn file(&mut self, bytes: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), SecureError> {
        let Some(bytes) = bytes else { return self.put(&[NOT_SENT], out) };
        self.put(&[FOLLOWS], out)?;
        self.put(bytes, out)?;
        match self.verify {
            true => self.put(blake3::hash(bytes).as_bytes(), out),
            false => Ok(()),
        }
    }

    /// Appends what waits, and the end.
    ///
    /// # Errors
    ///
    /// [`SecureError::Exhausted`].
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), SecureError> {
        self.seal(out)?;
        out.extend_from_slice(&self.sealer.finish()?);
        Ok(())
    }

    fn put(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), SecureError> {
        while !bytes.is_empty() {
            let room = record::HEAD_LEN + record::MAX_PLAIN_LEN - self.record.len();
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.record.extend_from_slice(now);
            bytes = later;
            if now.len() == room {
                self.seal(out)?;
            }
        }
        Ok(())
    }

    fn seal(&mut self, out: &mut Vec<u8>) -> Result<(), SecureError> {
        if self.record.len() > record::HEAD_LEN {
            self.record.resize(self.record.len() + record::TAG_LEN, 0);
            self.sealer.seal(&mut self.record)?;
            out.extend_from_slice(&self.record);
            self.record.truncate(record::HEAD_LEN);
        }
        Ok(())
    }
}

impl BatchReceiver {
    /// Whether each file comes with its sum.
    pub fn verifies(&self) -> bool {
        self.verify
    }

    /// Takes bytes, in any pieces; tells `each` file, by its place in the batch, as soon as it came.
    ///
    /// # Errors
    ///
    /// [`SecureError`] for what the other side did not send, and for more than was asked for.
    pub fn receive(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(usize, BatchItem<'_>),
    ) -> Result<(), SecureError> {
        while let Some(mut text) = self.opener.receive(&mut bytes)? {
            while !text.is_empty() {
                let Some(size) = self.sizes.get(self.next) else {
                    return Err(SecureError::AfterEnd);
                };
                // No file of a batch is so long that its length is no usize.
                let size = usize::try_from(*size).unwrap_or(usize::MAX);
                let digest = if self.verify { size_of::<Digest>() } else { 0 };
                let whole = match self.came.first().or(text.first()) {
                    Some(&NOT_SENT) => 1,
                    _ => 1 + size + digest,
                };
                let missing = whole - self.came.len();
                let (now, later) = text.split_at(text.len().min(missing));
                self.came.extend_from_slice(now);
                text = later;
                if self.came.len() == whole {
                    each(self.next, arrived(&self.came, size, digest));
                    self.came.clear();
                    self.next += 1;
                }
            }
        }
        Ok(())
    }

    /// The connection ended.
    ///
    /// # Errors
    ///
    /// [`SecureError::Truncated`] where something is missing.
    pub fn finish(self) -> Result<(), SecureError> {
        self.opener.close()?;
        if self.next < self.sizes.len() {
            return Err(SecureError::Truncated { records: self.next as u64 });
        }
        Ok(())
    }
}

fn arrived(came: &[u8], size: usize, digest: usize) -> BatchItem<'_> {
    if came.first() == Some(&NOT_SENT) {
        return BatchItem::NotSent;
    }
    let bytes = came.get(1..1 + size).unwrap_or_default();
    if digest > 0 && came.get(1 + size..) != Some(blake3::hash(bytes).as_bytes()) {
        return BatchItem::Corrupt;
    }
    BatchItem::Complete(bytes)
}
