//! Who a host is: a public key (section 11.1).

use core::fmt;

use base64ct::{Base64, Encoding as _};

use crate::Quoted;

/// The key that a host proves to hold in every private session: X25519, 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; PublicKey::BYTES]);

impl PublicKey {
    /// Its length.
    pub const BYTES: usize = 32;

    /// The key of these bytes.
    pub fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Reads what [`Display`](fmt::Display) writes.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] for anything else than 44 characters of base64 that stand for 32 bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let mut bytes = [0; Self::BYTES];
        match Base64::decode(text, &mut bytes) {
            Ok(decoded) if decoded.len() == Self::BYTES => Ok(Self(bytes)),
            _ => Err(InvalidKey { got: Quoted(text).to_box() }),
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 44];
        // The array is as long as the text of 32 bytes.
        f.write_str(Base64::encode(&self.0, &mut text).unwrap_or_default())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no key.
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
    fn a_key_is_written_as_it_is_read() {
        let key = PublicKey::new(core::array::from_fn(|at| at as u8 * 7));
        assert_eq!(PublicKey::parse(&format!("{key}")), Ok(key));
        for bad in ["", "AAAA", &format!("{key}A"), &format!("{key}").replace('=', "")] {
            assert!(PublicKey::parse(bad).is_err(), "{bad:?}");
        }
    }
}
