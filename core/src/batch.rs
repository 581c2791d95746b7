//! Batches: several small files on one data connection (section 18).
//!
//! For each file of the batch, in order: one byte, 1 if the file follows and 0 if not; then as many bytes as
//! were requested; then, if both sides verify, their digest. A [`Seal`] comes from
//! [`Session::data_seal`](crate::Session::data_seal).
//!
//! ```
//! use xcher_core::batch::BatchItem;
//! use xcher_core::stream::Seal;
//!
//! # use xcher_core::secure::{Cipher, Entropy, Handshake, Identity, Side};
//! # let host = |side, seed| Handshake::new(side, &Identity::new([seed; 32]), b"", &mut Entropy::new([seed; 32]));
//! # let (mut a, mut b) = (host(Side::Caller, 1), host(Side::Callee, 2));
//! # b.read(&a.write()?)?;
//! # a.read(&b.write()?)?;
//! # b.read(&a.write()?)?;
//! # let [provider, requester] = [a, b].map(|host| {
//! #     let (keys, ..) = host.finish().expect("a finished handshake");
//! #     Seal::new(keys.data(Side::Callee, 0, Cipher::ChaCha20Poly1305), true)
//! # });
//! // Files of 5 and 7 bytes were requested; the second no longer exists.
//! let mut sender = provider.batch_sender()?;
//! let mut bytes = Vec::new();
//! sender.file(Some(b"hello"), &mut bytes)?;
//! sender.file(None, &mut bytes)?;
//! sender.finish(&mut bytes)?;
//!
//! let mut receiver = requester.batch_receiver(vec![5, 7])?;
//! receiver.receive(&bytes, |at, item| match at {
//!     0 => assert_eq!(item, BatchItem::Complete(b"hello")),
//!     _ => assert_eq!(item, BatchItem::NotSent),
//! })?;
//! receiver.finish()?;
//! # Ok::<(), xcher_core::secure::SecureError>(())
//! ```

use alloc::vec::Vec;

use crate::secure::{DataOpener, DataSealer, SecureError, record};
use crate::stream::{Digest, Seal};

/// Files in the largest batch.
pub const MAX_FILES: usize = 1024;
/// Bytes of the longest file in a batch.
pub const MAX_FILE_LEN: u64 = 256 << 10;
/// Bytes of all files in the largest batch.
pub const MAX_BATCH_LEN: u64 = 16 << 20;

const NOT_SENT: u8 = 0;
const FOLLOWS: u8 = 1;

/// Seals the files of a batch.
#[derive(Debug)]
pub struct BatchSender {
    sealer: DataSealer,
    verify: bool,
    /// The current record: room for its head, then its plaintext.
    record: Vec<u8>,
}

/// Opens the files of a batch.
#[derive(Debug)]
pub struct BatchReceiver {
    opener: DataOpener,
    verify: bool,
    /// The lengths of all files.
    sizes: Vec<u64>,
    /// The index of the next file.
    next: usize,
    /// The bytes received of the next file.
    received: Vec<u8>,
}

/// One received file of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchItem<'a> {
    /// The complete file.
    Complete(&'a [u8]),
    /// The provider did not send it.
    NotSent,
    /// Its bytes do not match the provider's digest.
    Corrupt,
}

impl Seal {
    /// Starts to send a batch.
    ///
    /// # Errors
    ///
    /// [`SecureError::CipherUnavailable`].
    pub fn batch_sender(self) -> Result<BatchSender, SecureError> {
        let record = Vec::from([0; record::HEAD_LEN]);
        Ok(BatchSender { sealer: self.key.sealer()?, verify: self.verify, record })
    }

    /// Starts to receive a batch of files of these lengths in bytes.
    ///
    /// # Errors
    ///
    /// [`SecureError::CipherUnavailable`].
    pub fn batch_receiver(self, sizes: Vec<u64>) -> Result<BatchReceiver, SecureError> {
        let (opener, verify) = (self.key.opener()?, self.verify);
        Ok(BatchReceiver { opener, verify, sizes, next: 0, received: Vec::new() })
    }
}

impl BatchSender {
    /// Appends the next file, which must have the requested length; `None` if it is not sent. Buffers an
    /// incomplete record.
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

    /// Appends the buffered record and the end mark.
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
    /// Returns true if each file carries a digest.
    pub fn verifies(&self) -> bool {
        self.verify
    }

    /// Adds bytes, split anywhere, and calls `each` for every complete file with its index in the batch.
    ///
    /// # Errors
    ///
    /// [`SecureError`] for a forged record, a byte other than 0 or 1 before a file, and more bytes than were
    /// requested.
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
                // MAX_FILE_LEN fits a usize of any width that this crate supports.
                let size = usize::try_from(*size).unwrap_or(usize::MAX);
                let digest = if self.verify { size_of::<Digest>() } else { 0 };
                let item_len = match self.received.first().or(text.first()) {
                    Some(&NOT_SENT) => 1,
                    Some(&FOLLOWS) | None => 1 + size + digest,
                    Some(&got) => return Err(SecureError::BatchMarker { got }),
                };
                let missing = item_len - self.received.len();
                let (now, later) = text.split_at(text.len().min(missing));
                self.received.extend_from_slice(now);
                text = later;
                if self.received.len() == item_len {
                    each(self.next, item(&self.received, size, digest));
                    self.received.clear();
                    self.next += 1;
                }
            }
        }
        Ok(())
    }

    /// Reports the end of the connection.
    ///
    /// # Errors
    ///
    /// [`SecureError::Truncated`] if files are missing.
    pub fn finish(self) -> Result<(), SecureError> {
        self.opener.close()?;
        if self.next < self.sizes.len() {
            return Err(SecureError::Truncated { records: self.next as u64 });
        }
        Ok(())
    }
}

fn item(received: &[u8], size: usize, digest: usize) -> BatchItem<'_> {
    if received.first() == Some(&NOT_SENT) {
        return BatchItem::NotSent;
    }
    let bytes = received.get(1..1 + size).unwrap_or_default();
    if digest > 0 && received.get(1 + size..) != Some(blake3::hash(bytes).as_bytes()) {
        return BatchItem::Corrupt;
    }
    BatchItem::Complete(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secure::{Cipher, Entropy, Handshake, Identity, Side};

    fn seals() -> [Seal; 2] {
        let host = |side, seed| {
            let mut entropy = Entropy::new([seed; 32]);
            Handshake::new(side, &Identity::new([seed; 32]), b"", &mut entropy)
        };
        let (mut a, mut b) = (host(Side::Caller, 1), host(Side::Callee, 2));
        b.read(&a.write().expect("a message")).expect("valid");
        a.read(&b.write().expect("a message")).expect("valid");
        b.read(&a.write().expect("a message")).expect("valid");
        [a, b].map(|host| {
            let (keys, ..) = host.finish().expect("a finished handshake");
            Seal::new(keys.data(Side::Callee, 0, Cipher::ChaCha20Poly1305), false)
        })
    }

    #[test]
    fn refuses_a_marker_other_than_0_and_1() {
        for got in [2, 255] {
            let [sender, receiver] = seals();
            let mut sender = sender.batch_sender().expect("a cipher");
            let mut bytes = Vec::new();
            sender.put(&[got, b'a'], &mut bytes).expect("room");
            sender.finish(&mut bytes).expect("room");
            let mut receiver = receiver.batch_receiver(Vec::from([1])).expect("a cipher");
            let each = |_, item: BatchItem<'_>| panic!("{item:?}");
            assert_eq!(receiver.receive(&bytes, each), Err(SecureError::BatchMarker { got }));
        }
    }
}
