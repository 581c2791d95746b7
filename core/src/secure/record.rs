//! Records, the units of an encrypted stream: a length and as many bytes (section 11.3).

use alloc::vec::Vec;

use xcher_aead::{Aead, Cipher, NONCE_LEN};

use super::SecureError;
use super::secret::Secret;

/// Bytes of a record's head: the length of the rest, most significant byte first.
pub const HEAD_LEN: usize = 2;
/// Bytes of the authentication tag after a record's text.
pub const TAG_LEN: usize = xcher_aead::TAG_LEN;
/// Bytes of the longest record after its head.
pub const MAX_RECORD_LEN: usize = 65_535;
/// Bytes of the longest text of a record.
pub const MAX_PLAIN_LEN: usize = MAX_RECORD_LEN - TAG_LEN;

/// Returns how many bytes follow this head.
///
/// # Errors
///
/// [`SecureError::RecordLength`] if they cannot contain a tag.
pub fn length(head: [u8; HEAD_LEN]) -> Result<usize, SecureError> {
    let got = u16::from_be_bytes(head);
    if usize::from(got) < TAG_LEN { Err(SecureError::RecordLength { got }) } else { Ok(got.into()) }
}

/// The key and the next record number of one direction.
#[derive(Debug)]
pub(super) struct Chain {
    aead: Aead,
    pub(super) next: u64,
    /// The first error, which is permanent: the start of the next record is unknown after it.
    error: Option<SecureError>,
}

impl Chain {
    pub(super) fn new(key: &Secret<32>, cipher: Cipher) -> Result<Self, SecureError> {
        let aead = Aead::new(key, cipher).ok_or(SecureError::CipherUnavailable)?;
        Ok(Self { aead, next: 0, error: None })
    }

    /// Seals a record in place: room for the head, the text, and room for the tag.
    pub(super) fn seal(&mut self, record: &mut [u8], last: bool) -> Result<(), SecureError> {
        let got = record.len();
        let Some((head, text, tag)) = parts(record) else {
            return Err(SecureError::BufferLength { got });
        };
        let nonce = self.nonce(last)?;
        let length =
            u16::try_from(got - HEAD_LEN).map_err(|_| SecureError::BufferLength { got })?;
        *head = length.to_be_bytes();
        *tag = self.aead.seal(nonce, &[], text);
        self.next += 1;
        Ok(())
    }

    /// Opens a record in place and returns its text.
    pub(super) fn open<'a>(
        &mut self,
        record: &'a mut [u8],
        last: bool,
    ) -> Result<&'a mut [u8], SecureError> {
        self.check()?;
        let got = record.len();
        let (head, text, tag) = parts(record).ok_or(SecureError::BufferLength { got })?;
        if length(*head)? != text.len() + TAG_LEN {
            return Err(SecureError::BufferLength { got });
        }
        let nonce = self.nonce(last)?;
        if !self.aead.open(nonce, &[], text, *tag) {
            let record = self.next;
            // The holder of the key omitted the mark. Without text, the second attempt reveals nothing.
            let unmarked = last && self.aead.open(self.nonce(false)?, &[], text, *tag);
            return self.fail(if unmarked {
                SecureError::EmptyRecord { record }
            } else {
                SecureError::InvalidRecord { record }
            });
        }
        self.next += 1;
        Ok(text)
    }

    /// Returns the recorded error, if any.
    pub(super) fn check(&self) -> Result<(), SecureError> {
        self.error.clone().map_or(Ok(()), Err)
    }

    /// Records an error.
    pub(super) fn fail<T>(&mut self, error: SecureError) -> Result<T, SecureError> {
        Err(self.error.insert(error).clone())
    }

    /// Returns the nonce of the next record.
    fn nonce(&self, last: bool) -> Result<[u8; NONCE_LEN], SecureError> {
        // As in Noise, the largest number is reserved.
        if self.next == u64::MAX {
            return Err(SecureError::Exhausted);
        }
        Ok(nonce(self.next, last))
    }
}

/// Returns the end mark, three zeros, and the number, least significant byte first; without the mark this is
/// Noise's nonce.
pub(super) fn nonce(number: u64, mark: bool) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    nonce[0] = mark.into();
    nonce[4..].copy_from_slice(&number.to_le_bytes());
    nonce
}

type Parts<'a> = (&'a mut [u8; HEAD_LEN], &'a mut [u8], &'a mut [u8; TAG_LEN]);

fn parts(record: &mut [u8]) -> Option<Parts<'_>> {
    let (head, rest) = record.split_first_chunk_mut()?;
    let (text, tag) = rest.split_last_chunk_mut()?;
    Some((head, text, tag))
}

/// Collects a record from bytes split anywhere. Holds at most one.
#[derive(Debug, Default)]
pub(super) struct Gather {
    held: Vec<u8>,
    complete: bool,
}

impl Gather {
    /// Takes the missing bytes of the record from the front of `bytes`; returns the record once it is
    /// complete.
    pub(super) fn take(&mut self, bytes: &mut &[u8]) -> Result<Option<&mut [u8]>, SecureError> {
        if core::mem::take(&mut self.complete) {
            self.held.clear();
        }
        self.fill(HEAD_LEN, bytes);
        let Some(head) = self.held.first_chunk() else { return Ok(None) };
        let record_len = HEAD_LEN + length(*head)?;
        self.held.reserve_exact(record_len - self.held.len());
        self.fill(record_len, bytes);
        self.complete = self.held.len() == record_len;
        Ok(self.complete.then_some(&mut self.held))
    }

    /// Returns true if a record is incomplete.
    pub(super) fn is_half(&self) -> bool {
        !self.complete && !self.held.is_empty()
    }

    fn fill(&mut self, to: usize, bytes: &mut &[u8]) {
        let missing = to.saturating_sub(self.held.len()).min(bytes.len());
        let (taken, rest) = bytes.split_at(missing);
        self.held.extend_from_slice(taken);
        *bytes = rest;
    }
}
