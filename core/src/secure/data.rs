//! Encrypts a data connection: records and an end mark, without which the stream is truncated
//! (section 11.4).

use super::record::{Chain, Gather, HEAD_LEN, TAG_LEN};
use super::secret::Secret;
use super::{Cipher, SecureError};

/// The key of one data connection. Overwritten when dropped.
#[derive(Debug)]
pub struct DataKey {
    key: Secret<32>,
    cipher: Cipher,
}

impl DataKey {
    pub(super) fn new(key: Secret<32>, cipher: Cipher) -> Self {
        Self { key, cipher }
    }

    /// Returns the cipher of the records.
    pub fn cipher(&self) -> Cipher {
        self.cipher
    }

    /// Creates the provider's end.
    ///
    /// # Errors
    ///
    /// [`SecureError::CipherUnavailable`] unless the cipher is [available](Cipher::is_available).
    pub fn sealer(self) -> Result<DataSealer, SecureError> {
        Ok(DataSealer(Chain::new(&self.key, self.cipher)?))
    }

    /// Creates the requester's end.
    ///
    /// # Errors
    ///
    /// [`SecureError::CipherUnavailable`] unless the cipher is [available](Cipher::is_available).
    pub fn opener(self) -> Result<DataOpener, SecureError> {
        let chain = Chain::new(&self.key, self.cipher)?;
        Ok(DataOpener { chain, gather: Gather::default(), finished: false })
    }
}

/// Encrypts what a provider writes on a data connection.
#[derive(Debug)]
pub struct DataSealer(Chain);

impl DataSealer {
    /// Seals in place. `record` consists of [`HEAD_LEN`] bytes of any value, a text of 1 to
    /// [`MAX_PLAIN_LEN`](super::record::MAX_PLAIN_LEN) bytes and [`TAG_LEN`] bytes of any value. Write all
    /// of it afterwards.
    ///
    /// # Errors
    ///
    /// [`SecureError::BufferLength`] for any other length, which leaves the buffer unchanged.
    /// [`SecureError::Exhausted`] after 2^64 − 1 records.
    pub fn seal(&mut self, record: &mut [u8]) -> Result<(), SecureError> {
        let got = record.len();
        if got <= HEAD_LEN + TAG_LEN {
            return Err(SecureError::BufferLength { got });
        }
        self.0.seal(record, false)
    }

    /// Returns the last record, which marks the end. Write it after all others.
    ///
    /// # Errors
    ///
    /// [`SecureError::Exhausted`].
    pub fn finish(mut self) -> Result<[u8; HEAD_LEN + TAG_LEN], SecureError> {
        let mut record = [0; HEAD_LEN + TAG_LEN];
        self.0.seal(&mut record, true)?;
        Ok(record)
    }
}

/// Decrypts what a requester receives on a data connection.
///
/// Works in the caller's memory with [`open`](Self::open), or on bytes split anywhere with
/// [`receive`](Self::receive), which holds at most one record.
#[derive(Debug)]
pub struct DataOpener {
    chain: Chain,
    gather: Gather,
    finished: bool,
}

impl DataOpener {
    /// Opens one complete record in place: its head, which [`length`](super::record::length) reads, and the
    /// bytes that follow it. Returns the text, which is empty for the last record.
    ///
    /// # Errors
    ///
    /// [`SecureError`] if this is not the peer's next record, and on every call after that.
    pub fn open<'a>(&mut self, record: &'a mut [u8]) -> Result<&'a mut [u8], SecureError> {
        open(&mut self.chain, &mut self.finished, record)
    }

    /// Takes bytes, split anywhere, from the front of `bytes`; returns the text of a record once it is
    /// complete, which is empty for the last record. Call it until it returns `None`: then it has taken all
    /// bytes.
    ///
    /// # Errors
    ///
    /// [`SecureError`] if a record is not the peer's next one, and on every call after that.
    pub fn receive(&mut self, bytes: &mut &[u8]) -> Result<Option<&[u8]>, SecureError> {
        self.chain.check()?;
        if self.finished && !bytes.is_empty() {
            return self.chain.fail(SecureError::AfterEnd);
        }
        match self.gather.take(bytes) {
            Ok(None) => Ok(None),
            Ok(Some(record)) => {
                open(&mut self.chain, &mut self.finished, record).map(|text| Some(&*text))
            }
            Err(error) => self.chain.fail(error),
        }
    }

    /// Returns true once the last record was received.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Reports the end of the connection.
    ///
    /// # Errors
    ///
    /// [`SecureError::Truncated`] if the last record is missing.
    pub fn close(&self) -> Result<(), SecureError> {
        if self.finished {
            Ok(())
        } else {
            Err(SecureError::Truncated { records: self.chain.next })
        }
    }
}

fn open<'a>(
    chain: &mut Chain,
    finished: &mut bool,
    record: &'a mut [u8],
) -> Result<&'a mut [u8], SecureError> {
    if *finished {
        return chain.fail(SecureError::AfterEnd);
    }
    // Only the last record is empty: the length determines the mark to expect.
    let last = record.len() == HEAD_LEN + TAG_LEN;
    let text = chain.open(record, last)?;
    *finished = last;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::super::Side;
    use super::super::tests::session;
    use super::*;

    #[test]
    fn each_cipher_has_its_own_key() {
        let ((keys, ..), _) = session();
        let key = |cipher| keys.data(Side::Callee, 3, cipher).key;
        let [one, other] = [Cipher::ChaCha20Poly1305, Cipher::Aes256Gcm].map(key);
        assert_ne!(*one, *other);
        assert_eq!(*one, *key(Cipher::ChaCha20Poly1305));
    }
}
