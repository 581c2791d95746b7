//! What the keys of others are kept by.

use std::fmt;
use std::str::FromStr;

use xcher_core::Quoted;
use xcher_core::secure::PublicKey;

use crate::RelayAddress;

/// A relay: by the key that it proves, or, where it has none, by its address. A relay with a key is one
/// and the same at each of its addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RelayId {
    /// As [`RelayAddress::canonical`] writes it.
    Address(String),
    /// The key.
    Key(PublicKey),
}

const KEY: &str = "key:";

impl From<&RelayAddress> for RelayId {
    fn from(address: &RelayAddress) -> Self {
        Self::Address(address.canonical())
    }
}

impl fmt::Display for RelayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => f.write_str(address),
            Self::Key(key) => write!(f, "{KEY}{key}"),
        }
    }
}

impl FromStr for RelayId {
    type Err = String;

    /// Reads what [`Display`](fmt::Display) writes, and nothing else: a relay that is written in another
    /// way would never be found.
    ///
    /// # Errors
    ///
    /// What was expected.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(key) = text.strip_prefix(KEY) {
            return PublicKey::parse(key).map(Self::Key).map_err(|error| error.to_string());
        }
        let address: RelayAddress =
            text.parse().map_err(|expected| format!("{expected}, got {}", Quoted(text)))?;
        match address.canonical() {
            canonical if canonical == text => Ok(Self::Address(canonical)),
            canonical => Err(format!("expected {}, got {}", Quoted(&canonical), Quoted(text))),
        }
    }
}
