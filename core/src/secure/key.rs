//! Public keys (section 11.1).

use core::fmt;

use base64ct::{Base64, Encoding as _};

use crate::Quoted;

/// The X25519 public key that a host proves to hold in every encrypted session.
///
/// ```
/// use xcher_core::secure::PublicKey;
///
/// let key = PublicKey::new([7; 32]);
/// assert_eq!(PublicKey::parse(&key.to_string()), Ok(key));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; PublicKey::BYTES]);

impl PublicKey {
    /// Bytes of a key.
    pub const BYTES: usize = 32;

    /// Creates the key of these bytes.
    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Parses what [`Display`](fmt::Display) writes.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] for anything but 32 bytes in 44 characters of base64.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let mut bytes = [0; Self::BYTES];
        match Base64::decode(text, &mut bytes) {
            Ok(decoded) if decoded.len() == Self::BYTES => Ok(Self(bytes)),
            _ => Err(InvalidKey { got: Quoted(text).to_box() }),
        }
    }
}

impl core::str::FromStr for PublicKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        Self::parse(text)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 44];
        // 32 bytes take 44 characters.
        f.write_str(Base64::encode(&self.0, &mut text).unwrap_or_default())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An invalid key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidKey {
    got: alloc::boxed::Box<str>,
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected a key of 44 characters in base64, got {}", self.got)
    }
}

impl core::error::Error for InvalidKey {}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn a_key_round_trips() {
        let key = PublicKey::new(core::array::from_fn(|at| at as u8 * 7));
        assert_eq!(PublicKey::parse(&format!("{key}")), Ok(key));
        for bad in ["", "AAAA", &format!("{key}A"), &format!("{key}").replace('=', "")] {
            assert!(PublicKey::parse(bad).is_err(), "{bad:?}");
        }
    }
}
