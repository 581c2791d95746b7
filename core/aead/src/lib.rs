//! Authenticated encryption in place: ChaCha20-Poly1305 (RFC 8439), and AES-256-GCM (NIST SP 800-38D)
//! where `ring` is in the build.
//!
//! Every byte of a private file passes here once on each side. A build that is made for size compiles
//! this package for speed, which its functions keep: they are not generic.

#![no_std]

#[cfg(feature = "ring")]
mod fast;
#[cfg(not(feature = "ring"))]
mod portable;

#[cfg(feature = "ring")]
use fast as inner;
#[cfg(not(feature = "ring"))]
use portable as inner;

/// Bytes of a key.
pub const KEY_LEN: usize = 32;
/// Bytes of a nonce. None is used twice with a key.
pub const NONCE_LEN: usize = 12;
/// Bytes that prove that nothing was changed.
pub const TAG_LEN: usize = 16;

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
    /// Its name in PROTOCOL.md, which is part of what a data connection's key is derived from.
    pub fn name(self) -> &'static str {
        match self {
            Self::ChaCha20Poly1305 => "ChaCha20-Poly1305",
            Self::Aes256Gcm => "AES-256-GCM",
        }
    }

    /// Whether this build has it. Whether the hardware makes it fast, the driver must know.
    pub fn is_available(self) -> bool {
        match self {
            Self::ChaCha20Poly1305 => true,
            Self::Aes256Gcm => cfg!(feature = "ring"),
        }
    }
}

/// A cipher with its key.
pub struct Aead(inner::Key);

impl Aead {
    /// `None` where the cipher is not [available](Cipher::is_available).
    pub fn new(key: &[u8; KEY_LEN], cipher: Cipher) -> Option<Self> {
        inner::Key::new(key, cipher).map(Self)
    }

    /// Seals `text` in place; `aad` is sealed with it and not changed.
    ///
    /// # Panics
    ///
    /// For more text than a cipher has key stream for: 64 GiB with each nonce.
    pub fn seal(&self, nonce: [u8; NONCE_LEN], aad: &[u8], text: &mut [u8]) -> [u8; TAG_LEN] {
        self.0.seal(nonce, aad, text)
    }

    /// Opens `text` in place. After a no it holds nothing of use.
    #[must_use]
    pub fn open(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        text: &mut [u8],
        tag: [u8; TAG_LEN],
    ) -> bool {
        self.0.open(nonce, aad, text, tag)
    }
}

impl core::fmt::Debug for Aead {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests;
