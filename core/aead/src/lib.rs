//! Authenticated encryption in place: ChaCha20-Poly1305 (RFC 8439), and AES-256-GCM (NIST SP 800-38D) with
//! the feature `ring`.
//!
//! Every byte of an encrypted file passes through this package once per side. A build optimised for size
//! still compiles it for speed; its functions are not generic, so that this applies to them.
//!
//! ```
//! use xcher_aead::{Aead, Cipher};
//!
//! let aead = Aead::new(&[7; 32], Cipher::ChaCha20Poly1305).expect("every build has this cipher");
//! let mut text = *b"secret";
//! let tag = aead.seal([0; 12], b"header", &mut text);
//! assert_ne!(&text, b"secret");
//! assert!(aead.open([0; 12], b"header", &mut text, tag));
//! assert_eq!(&text, b"secret");
//! ```

#![no_std]

#[cfg(feature = "ring")]
mod fast;
mod mask;
#[cfg(not(any(feature = "ring", target_feature = "simd128")))]
mod portable;
#[cfg(all(not(feature = "ring"), target_feature = "simd128"))]
mod simd;

#[cfg(feature = "ring")]
use fast as inner;
#[cfg(not(any(feature = "ring", target_feature = "simd128")))]
use portable as inner;
#[cfg(all(not(feature = "ring"), target_feature = "simd128"))]
use simd as inner;

pub use mask::unmask;

/// Bytes of a key.
pub const KEY_LEN: usize = 32;
/// Bytes of a nonce. Never use one twice with a key.
pub const NONCE_LEN: usize = 12;
/// Bytes of an authentication tag.
pub const TAG_LEN: usize = 16;

/// The cipher of a data connection's records. A control connection always uses the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cipher {
    /// The cipher that every host supports.
    #[default]
    ChaCha20Poly1305,
    /// The faster cipher on hardware with AES instructions, for two hosts that both name `aes`.
    Aes256Gcm,
}

impl Cipher {
    /// Returns the name in PROTOCOL.md, from which the keys of data connections are derived too.
    pub fn name(self) -> &'static str {
        match self {
            Self::ChaCha20Poly1305 => "ChaCha20-Poly1305",
            Self::Aes256Gcm => "AES-256-GCM",
        }
    }

    /// Returns true if this build has the cipher. The driver must check that the hardware makes it fast.
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
    /// Creates a keyed cipher; `None` unless the cipher is [available](Cipher::is_available).
    pub fn new(key: &[u8; KEY_LEN], cipher: Cipher) -> Option<Self> {
        inner::Key::new(key, cipher).map(Self)
    }

    /// Encrypts `text` in place and returns the tag, which also authenticates `aad`.
    ///
    /// # Panics
    ///
    /// If the text exceeds a cipher's key stream of 64 GiB per nonce.
    pub fn seal(&self, nonce: [u8; NONCE_LEN], aad: &[u8], text: &mut [u8]) -> [u8; TAG_LEN] {
        self.0.seal(nonce, aad, text)
    }

    /// Decrypts `text` in place. Returns false if it is not authentic; `text` is meaningless then.
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
