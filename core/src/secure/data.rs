//! A data connection in private: records, and a mark at the end without which a stream was cut
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

    /// With what the records are sealed.
    pub fn cipher(&self) -> Cipher {
        self.cipher
    }

    /// The provider's half.
    ///
    /// # Errors
    ///
    /// [`SecureError::CipherUnavailable`] where the cipher is not [available](Cipher::is_available).
    pub fn sealer(self) -> Result<DataSealer, SecureError> {
        Ok(DataSealer(Chain::new(&self.key, self.cipher)?))
    }

    /// The requester's half.
    ///
    /// # Errors
    ///
    /// [`SecureError::CipherUnavailable`] where the cipher is not [available](Cipher::is_available).
    pub fn opener(self) -> Result<DataOpener, SecureError> {
        let chain = Chain::new(&self.key, self.cipher)?;
        Ok(DataOpener { chain, gather: Gather::default(), finished: false })
    }
}

/// Seals what a provider writes on a data connection.
#[derive(Debug)]
pub struct DataSealer(Chain);

impl DataSealer {
    /// Seals in place. `record` is to be laid out as [`HEAD_LEN`] bytes of any value, the text of 1 to
    /// [`MAX_PLAIN_LEN`](super::record::MAX_PLAIN_LEN) bytes, [`TAG_LEN`] bytes of any value; all of it is then
    /// to be written.
    ///
    /// # Errors
    ///
    /// [`SecureError::BufferLength`] for any other length: nothing was sealed.
    /// [`SecureError::Exhausted`] after 2^64 − 1 records.
    pub fn seal(&mut self, record: &mut [u8]) -> Result<(), SecureError> {
        let got = record.len();
        if got <= HEAD_LEN + TAG_LEN {
            return Err(SecureError::BufferLength { got });
        }
        self.0.seal(record, false)
    }

    /// The last record, which says that nothing is missing: to be written after everything.
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

/// Opens what comes on a data connection.
///
/// Either in the caller's memory with [`open`](Self::open), or from any pieces with
/// [`receive`](Self::receive), which holds at most one record.
#[derive(Debug)]
pub struct DataOpener {
    chain: Chain,
    gather: Gather,
    finished: bool,
}

impl DataOpener {
    /// Opens one whole record in place: its head, which [`length`](super::record::length) reads,
    /// and what follows it. Gives the text; none for the last record.
    ///
    /// # Errors
    ///
    /// [`SecureError`] for a record that is not the next one of the other side's, and from then on.
    pub fn open<'a>(&mut self, record: &'a mut [u8]) -> Result<&'a mut [u8], SecureError> {
        open(&mut self.chain, &mut self.finished, record)
    }

    /// Takes bytes, in any pieces, from the front of `bytes`; gives the text of a record as soon as
    /// it is whole, which is none for the last. To be called until it gives `None`: then all of
    /// `bytes` was taken.
    ///
    /// # Errors
    ///
    /// [`SecureError`] for a record that is not the next one of the other side's, and from then on.
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

    /// Whether the last record came.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// The connection ended.
    ///
    /// # Errors
    ///
    /// [`SecureError::Truncated`] where the last record had not come.
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
    // Only the last record is empty, so that its length tells which mark it must bear.
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
    fn another_cipher_has_another_key() {
        let ((keys, ..), _) = session();
        let key = |cipher| keys.data(Side::Callee, 3, cipher).key;
        let [one, other] = [Cipher::ChaCha20Poly1305, Cipher::Aes256Gcm].map(key);
        assert_ne!(*one, *other);
        assert_eq!(*one, *key(Cipher::ChaCha20Poly1305));
    }
}
