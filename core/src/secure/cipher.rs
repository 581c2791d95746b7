//! How records are sealed (section 11.3).

use super::SecureError;
use super::record::TAG;
use super::secret::Secret;

/// What seals the records of a data connection. A control connection always has the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cipher {
    /// Everyone's.
    #[default]
    ChaCha20Poly1305,
    /// The faster one where the hardware does AES; for two hosts that both name `aes`.
    Aes256Gcm,
}

impl Cipher {
    /// Whether this build has it. Whether the hardware makes it fast, the driver must know.
    pub fn is_available(self) -> bool {
        match self {
            Self::ChaCha20Poly1305 => true,
            Self::Aes256Gcm => cfg!(feature = "ring"),
        }
    }
}

/// A cipher with its key.
pub(super) struct Aead(Inner);

#[cfg(feature = "ring")]
type Inner = ring::aead::LessSafeKey;
#[cfg(not(feature = "ring"))]
type Inner = chacha20poly1305::ChaCha20Poly1305;

#[cfg(feature = "ring")]
impl Aead {
    pub(super) fn new(key: &Secret<32>, cipher: Cipher) -> Result<Self, SecureError> {
        use ring::aead::{AES_256_GCM, CHACHA20_POLY1305, UnboundKey};
        let algorithm = match cipher {
            Cipher::ChaCha20Poly1305 => &CHACHA20_POLY1305,
            Cipher::Aes256Gcm => &AES_256_GCM,
        };
        let key = UnboundKey::new(algorithm, &**key).map_err(|_| SecureError::NoCipher)?;
        Ok(Self(Inner::new(key)))
    }

    /// Seals `text` in place.
    pub(super) fn seal(&self, nonce: [u8; 12], text: &mut [u8]) -> [u8; TAG] {
        use ring::aead::{Aad, Nonce};
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::empty(), text);
        let tag = tag.expect("a record is short enough");
        *tag.as_ref().first_chunk().expect("a tag has 16 bytes")
    }

    /// Opens `text` in place. After a no it holds nothing of use.
    #[must_use]
    pub(super) fn open(&self, nonce: [u8; 12], text: &mut [u8], tag: [u8; TAG]) -> bool {
        use ring::aead::{Aad, Nonce};
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_in_place_separate_tag(nonce, Aad::empty(), tag.into(), text, 0..).is_ok()
    }
}

#[cfg(not(feature = "ring"))]
impl Aead {
    pub(super) fn new(key: &Secret<32>, cipher: Cipher) -> Result<Self, SecureError> {
        use chacha20poly1305::KeyInit as _;
        match cipher {
            Cipher::ChaCha20Poly1305 => Ok(Self(Inner::new((&**key).into()))),
            Cipher::Aes256Gcm => Err(SecureError::NoCipher),
        }
    }

    /// Seals `text` in place.
    pub(super) fn seal(&self, nonce: [u8; 12], text: &mut [u8]) -> [u8; TAG] {
        use chacha20poly1305::AeadInPlace as _;
        let tag = self.0.encrypt_in_place_detached(&nonce.into(), &[], text);
        tag.expect("a record is short enough").into()
    }

    /// Opens `text` in place. After a no it holds nothing of use.
    #[must_use]
    pub(super) fn open(&self, nonce: [u8; 12], text: &mut [u8], tag: [u8; TAG]) -> bool {
        use chacha20poly1305::AeadInPlace as _;
        self.0.decrypt_in_place_detached(&nonce.into(), &[], text, &tag.into()).is_ok()
    }
}

impl core::fmt::Debug for Aead {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("…")
    }
}
