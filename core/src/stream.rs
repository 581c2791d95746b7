//! A file on a data connection of an encrypted session (sections 11.4 and 13).
//!
//! The file is sent in records. If both sides verify, a record with its digest follows; then the end mark.
//! A [`Seal`] comes from [`Session::data_seal`](crate::Session::data_seal).
//!
//! ```
//! use xcher_core::secure::record;
//! use xcher_core::stream::{Hasher, Seal};
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
//! let mut sender = provider.sender(Hasher::new())?;
//! let mut bytes = vec![0; record::HEAD_LEN];
//! bytes.extend(b"a file");
//! bytes.extend([0; record::TAG_LEN]);
//! sender.seal(&mut bytes)?;
//! bytes.extend(sender.finish()?);
//!
//! let mut receiver = requester.receiver(Hasher::new())?;
//! let (mut unread, mut file) = (&bytes[..], Vec::<u8>::new());
//! while let Some((held_back, text)) = receiver.receive(&mut unread)? {
//!     file.extend(held_back.iter().flatten());
//!     file.extend(text);
//! }
//! assert_eq!(file, b"a file");
//! assert!(receiver.finish()?.is_some_and(|digests| digests.agree()));
//! # Ok::<(), xcher_core::secure::SecureError>(())
//! ```

use alloc::vec::Vec;

pub use blake3::Hasher;

use crate::secure::{DataKey, DataOpener, DataSealer, SecureError, record};

/// A BLAKE3 digest.
pub type Digest = [u8; 32];

/// A file's bytes released by a record: a record held back earlier, then those of the record itself.
pub type Opened<'a> = (Option<Digest>, &'a [u8]);

/// The key of one request's data connection, for one file or a [batch](crate::batch).
#[derive(Debug)]
pub struct Seal {
    pub(crate) key: DataKey,
    pub(crate) verify: bool,
}

/// The digests of a received file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// The digest of the received bytes.
    pub ours: Digest,
    /// The digest that the provider sent.
    pub theirs: Option<Digest>,
}

impl Seal {
    /// Creates a seal; `verify` adds a digest to each file, which both sides must have agreed on.
    pub fn new(key: DataKey, verify: bool) -> Self {
        Self { key, verify }
    }

    /// Starts to send a file. `prefix` has hashed the bytes that the requester already has.
    ///
    /// # Errors
    ///
    /// [`SecureError::CipherUnavailable`].
    pub fn sender(self, prefix: Hasher) -> Result<Sender, SecureError> {
        Ok(Sender { sealer: self.key.sealer()?, digest: self.verify.then_some(prefix) })
    }

    /// Starts to receive a file. `prefix` has hashed the bytes that this host already has.
    ///
    /// # Errors
    ///
    /// [`SecureError::CipherUnavailable`].
    pub fn receiver(self, prefix: Hasher) -> Result<Receiver, SecureError> {
        let opener = self.key.opener()?;
        Ok(Receiver { opener, digest: self.verify.then_some(prefix), held: None })
    }
}

impl Digests {
    /// Returns true if the provider sent a digest and it matches.
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
    /// of the file, [`record::TAG_LEN`] bytes of any value. Write the whole buffer afterwards.
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

    /// Returns what to write after the last byte of the file.
    ///
    /// # Errors
    ///
    /// [`SecureError::Exhausted`] after 2⁶⁴ − 1 records.
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
    /// A record of a digest's length: only the next record shows if it is the digest.
    held: Option<Digest>,
}

impl Receiver {
    /// Opens one complete record in place. Returns the bytes of the file that it releases.
    ///
    /// # Errors
    ///
    /// [`SecureError`] if this is not the provider's next record.
    pub fn open<'a>(&mut self, record: &'a mut [u8]) -> Result<Opened<'a>, SecureError> {
        let text = self.opener.open(record)?;
        Ok(release(&mut self.digest, &mut self.held, text))
    }

    /// Opens records from bytes split anywhere, taken from the front of `bytes`. Call it until it returns
    /// `None`: then it has taken all bytes.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn receive(&mut self, bytes: &mut &[u8]) -> Result<Option<Opened<'_>>, SecureError> {
        let Some(text) = self.opener.receive(bytes)? else { return Ok(None) };
        Ok(Some(release(&mut self.digest, &mut self.held, text)))
    }

    /// Returns true once the end mark was received. Further bytes are an error.
    pub fn is_finished(&self) -> bool {
        self.opener.is_finished()
    }

    /// Reports the end of the connection. Returns the digests if both sides verify.
    ///
    /// # Errors
    ///
    /// [`SecureError::Truncated`] if the end mark is missing.
    pub fn finish(self) -> Result<Option<Digests>, SecureError> {
        self.opener.close()?;
        let ours = self.digest.map(|digest| *digest.finalize().as_bytes());
        Ok(ours.map(|ours| Digests { ours, theirs: self.held }))
    }
}

fn release<'a>(
    digest: &mut Option<Hasher>,
    held: &mut Option<Digest>,
    text: &'a [u8],
) -> Opened<'a> {
    let Some(digest) = digest else { return (None, text) };
    // The last record is empty: the record held before it is the digest.
    if text.is_empty() {
        return (None, text);
    }
    let released = held.take();
    if let Some(released) = &released {
        digest.update(released);
    }
    match text.try_into() {
        Ok(text) => {
            *held = Some(text);
            (released, &[])
        }
        Err(_) => {
            digest.update(text);
            (released, text)
        }
    }
}
