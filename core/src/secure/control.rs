//! Encrypts a control connection: records whose concatenated texts are the lines of section 3
//! (section 11.3).

use alloc::vec::Vec;

use super::record::{Chain, Gather, HEAD_LEN, MAX_PLAIN_LEN, TAG_LEN};
use super::secret::Secret;
use super::{Cipher, SecureError};

/// Encrypts what a host writes on a control connection.
#[derive(Debug)]
pub struct Sealer(Chain);

impl Sealer {
    pub(super) fn new(key: Secret<32>) -> Self {
        Self(chain(&key))
    }

    /// Appends `text` to `out` in as many records as necessary; an empty text appends none.
    ///
    /// # Errors
    ///
    /// [`SecureError::Exhausted`] after 2^64 − 1 records.
    pub fn seal(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), SecureError> {
        for piece in text.chunks(MAX_PLAIN_LEN) {
            let start = out.len();
            out.extend_from_slice(&[0; HEAD_LEN]);
            out.extend_from_slice(piece);
            out.extend_from_slice(&[0; TAG_LEN]);
            let sealed = self.0.seal(&mut out[start..], false);
            // No plaintext may remain in the buffer.
            sealed.inspect_err(|_| out.truncate(start))?;
        }
        Ok(())
    }
}

/// Decrypts what a host receives on a control connection. Holds at most one record.
#[derive(Debug)]
pub struct Opener {
    chain: Chain,
    gather: Gather,
}

impl Opener {
    pub(super) fn new(key: Secret<32>) -> Self {
        Self { chain: chain(&key), gather: Gather::default() }
    }

    /// Takes bytes, split anywhere, from the front of `bytes`; returns the text of a record once it is
    /// complete. Call it until it returns `None`: then it has taken all bytes.
    ///
    /// # Errors
    ///
    /// [`SecureError`] if a record is not the peer's next one, and on every call after that.
    pub fn receive(&mut self, bytes: &mut &[u8]) -> Result<Option<&[u8]>, SecureError> {
        self.chain.check()?;
        match self.gather.take(bytes) {
            Ok(None) => Ok(None),
            Ok(Some(record)) => self.chain.open(record, false).map(|text| Some(&*text)),
            Err(error) => self.chain.fail(error),
        }
    }

    /// Returns true if a record is incomplete.
    pub fn is_half(&self) -> bool {
        self.gather.is_half()
    }
}

fn chain(key: &Secret<32>) -> Chain {
    Chain::new(key, Cipher::ChaCha20Poly1305).expect("every build has this cipher")
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn no_plaintext_remains_after_the_key_is_exhausted() {
        let mut sealer = Sealer::new(Secret([1; 32]));
        sealer.0.next = u64::MAX - 1;
        let mut out = Vec::new();
        assert_eq!(sealer.seal(&vec![7; MAX_PLAIN_LEN + 1], &mut out), Err(SecureError::Exhausted));
        assert_eq!(out.len(), HEAD_LEN + MAX_PLAIN_LEN + TAG_LEN, "only the first record");
    }
}
