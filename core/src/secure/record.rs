//! The pieces that a private stream is cut into: a length and as many bytes (section 11.3).

use alloc::vec::Vec;

use xcher_aead::{Aead, Cipher, NONCE_LEN};

use super::SecureError;
use super::secret::Secret;

/// The head of a record: the length of what follows, most significant byte first.
pub const HEAD_LEN: usize = 2;
/// What seals a record, after its text.
pub const TAG_LEN: usize = xcher_aead::TAG_LEN;
/// The most that follows a head, in bytes.
pub const MAX_RECORD_LEN: usize = 65_535;
/// The most text in one record, in bytes.
pub const MAX_PLAIN_LEN: usize = MAX_RECORD_LEN - TAG_LEN;

/// How many bytes follow this head.
///
/// # Errors
///
/// [`SecureError::RecordLength`] where there would be no room for a tag.
pub fn length(head: [u8; HEAD_LEN]) -> Result<usize, SecureError> {
    let got = u16::from_be_bytes(head);
    if usize::from(got) < TAG_LEN { Err(SecureError::RecordLength { got }) } else { Ok(got.into()) }
}

/// One direction's key, and which record is next.
#[derive(Debug)]
pub(super) struct Chain {
    aead: Aead,
    pub(super) next: u64,
    /// Once wrong, always wrong: where a record begins is not known any more.
    error: Option<SecureError>,
}

impl Chain {
    pub(super) fn new(key: &Secret<32>, cipher: Cipher) -> Result<Self, SecureError> {
        let aead = Aead::new(key, cipher).ok_or(SecureError::CipherUnavailable)?;
        Ok(Self { aead, next: 0, error: None })
    }

    /// Seals a record in place: room for the head, the text, room for the tag.
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

    /// Opens a record in place; gives its text.
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
            // Whoever has the key forgot the mark: nothing to decipher, so nothing was lost.
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

    /// What went wrong, if anything has.
    pub(super) fn check(&self) -> Result<(), SecureError> {
        self.error.clone().map_or(Ok(()), Err)
    }

    /// Remembers what went wrong.
    pub(super) fn fail<T>(&mut self, error: SecureError) -> Result<T, SecureError> {
        Err(self.error.insert(error).clone())
    }

    /// Of the next record.
    fn nonce(&self, last: bool) -> Result<[u8; NONCE_LEN], SecureError> {
        // The number above all others is not used, as in Noise: there is none after it.
        if self.next == u64::MAX {
            return Err(SecureError::Exhausted);
        }
        Ok(nonce(self.next, last))
    }
}

/// A mark, three zeros, and the number, least significant byte first: without the mark as in Noise.
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

/// Puts a record together from bytes as they come. Holds at most one.
#[derive(Debug, Default)]
pub(super) struct Gather {
    held: Vec<u8>,
    whole: bool,
}

impl Gather {
    /// Takes from the front of `bytes` what the record lacks; the record, if nothing does any more.
    pub(super) fn take(&mut self, bytes: &mut &[u8]) -> Result<Option<&mut [u8]>, SecureError> {
        if core::mem::take(&mut self.whole) {
            self.held.clear();
        }
        self.fill(HEAD_LEN, bytes);
        let Some(head) = self.held.first_chunk() else { return Ok(None) };
        let whole = HEAD_LEN + length(*head)?;
        self.held.reserve_exact(whole - self.held.len());
        self.fill(whole, bytes);
        self.whole = self.held.len() == whole;
        Ok(self.whole.then_some(&mut self.held))
    }

    /// Whether a record has begun and not ended.
    pub(super) fn is_half(&self) -> bool {
        !self.whole && !self.held.is_empty()
    }

    fn fill(&mut self, to: usize, bytes: &mut &[u8]) {
        let lacking = to.saturating_sub(self.held.len()).min(bytes.len());
        let (taken, rest) = bytes.split_at(lacking);
        self.held.extend_from_slice(taken);
        *bytes = rest;
    }
}
