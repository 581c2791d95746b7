//! A file's bytes in a data connection of a private session (sections 11.4 and 13).
//!
//! They go in records. Where both sides verify, a record with their sum follows, and then the mark of
//! the end.

use alloc::vec::Vec;

pub use blake3::Hasher;

use crate::secure::{DataKey, DataOpener, DataSealer, SecureError, record};

/// BLAKE3 of a file's bytes.
pub type Digest = [u8; 32];

/// What a record holds of a file: bytes that were held back before it, then its own.
pub type Opened<'a> = (Option<Digest>, &'a [u8]);

/// How the bytes of one request are sealed: of one file, or of [many](crate::batch).
#[derive(Debug)]
pub struct Seal {
    pub(crate) key: DataKey,
    pub(crate) verify: bool,
}

/// The sums of a file that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// Of what came.
    pub ours: Digest,
    /// Of what was sent, as the other side says.
    pub theirs: Option<Digest>,
}

impl Seal {
    /// By this key; with the sum of each file where both sides verify.
    pub fn new(key: DataKey, verify: bool) -> Self {
        Self { key, verify }
    }

    /// Begins to send, after the bytes that `begun` was fed with.
    ///
    /// # Errors
    ///
    /// [`SecureError`] where this host has not the cipher.
    pub fn sender(self, begun: Hasher) -> Result<Sender, SecureError> {
        Ok(Sender { sealer: self.key.sealer()?, digest: self.verify.then_some(begun) })
    }

    /// Begins to receive, after the bytes that `begun` was fed with.
    ///
    /// # Errors
    ///
    /// [`SecureError`] where this host has not the cipher.
    pub fn receiver(self, begun: Hasher) -> Result<Receiver, SecureError> {
        let opener = self.key.opener()?;
        Ok(Receiver { opener, digest: self.verify.then_some(begun), held: None })
    }
}

impl Digests {
    /// Whether what came is what was sent.
    pub fn agree(&self) -> bool {
        self.theirs == Some(self.ours)
    }
}

/// Seals a file's bytes.
#[derive(Debug)]
pub struct Sender {
    sealer: DataSealer,
    digest: Option<Hasher>,
}

impl Sender {
    /// Seals a record in place: [`record::HEAD_LEN`] bytes of any value, 1 to [`record::MAX_PLAIN_LEN`] bytes
    /// of the file, [`record::TAG_LEN`] bytes of any value. All of it is then to be written.
    ///
    /// # Errors
    ///
    /// [`SecureError::BufferLength`] for any other length.
    pub fn seal(&mut self, record: &mut [u8]) -> Result<(), SecureError> {
        if let Some(digest) = &mut self.digest {
            let end = record.len().saturating_sub(record::TAG_LEN);
            digest.update(record.get(record::HEAD_LEN..end).unwrap_or_default());
        }
        self.sealer.seal(record)
    }

    /// What is to be written after the last byte.
    ///
    /// # Errors
    ///
    /// [`SecureError::Exhausted`] after 2⁶⁴ records.
    pub fn finish(mut self) -> Result<Vec<u8>, SecureError> {
        let mut end = Vec::new();
        if let Some(digest) = self.digest {
            end.resize(record::HEAD_LEN, 0);
            end.extend_from_slice(digest.finalize().as_bytes());
            end.resize(end.len() + record::TAG_LEN, 0);
            self.sealer.seal(&mut end)?;
        }
        end.extend_from_slice(&self.sealer.finish()?);
        Ok(end)
    }
}

/// Opens a file's bytes.
#[derive(Debug)]
pub struct Receiver {
    opener: DataOpener,
    digest: Option<Hasher>,
    /// A record as long as a sum: only what follows it tells whether it is one.
    held: Option<Digest>,
}

impl Receiver {
    /// Opens one whole record in place. The file's bytes that are known by it: those that were held
    /// back before, then those of the record.
    ///
    /// # Errors
    ///
    /// [`SecureError`] for a record that is not the next of the other side's.
    pub fn open<'a>(&mut self, record: &'a mut [u8]) -> Result<Opened<'a>, SecureError> {
        let text = self.opener.open(record)?;
        Ok(settle(&mut self.digest, &mut self.held, text))
    }

    /// As [`open`](Self::open), of bytes in any pieces, from the front of `bytes`. To be called until
    /// it gives `None`: then all of them were taken.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn receive(&mut self, bytes: &mut &[u8]) -> Result<Option<Opened<'_>>, SecureError> {
        let Some(text) = self.opener.receive(bytes)? else { return Ok(None) };
        Ok(Some(settle(&mut self.digest, &mut self.held, text)))
    }

    /// Whether all came. Anything more is an error.
    pub fn is_finished(&self) -> bool {
        self.opener.is_finished()
    }

    /// The connection ended. The sums, where both sides verify.
    ///
    /// # Errors
    ///
    /// [`SecureError::Truncated`] where something is missing.
    pub fn finish(self) -> Result<Option<Digests>, SecureError> {
        self.opener.close()?;
        let ours = self.digest.map(|digest| *digest.finalize().as_bytes());
        Ok(ours.map(|ours| Digests { ours, theirs: self.held }))
    }
}

fn settle<'a>(
    digest: &mut Option<Hasher>,
    held: &mut Option<Digest>,
    text: &'a [u8],
) -> Opened<'a> {
    let Some(digest) = digest else { return (None, text) };
    // The last record is empty: what is held before it is the sum.
    if text.is_empty() {
        return (None, text);
    }
    let before = held.take();
    if let Some(before) = &before {
        digest.update(before);
    }
    match text.try_into() {
        Ok(text) => {
            *held = Some(text);
            (before, &[])
        }
        Err(_) => {
            digest.update(text);
            (before, text)
        }
    }
}
