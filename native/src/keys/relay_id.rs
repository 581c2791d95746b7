//! Identifies the relay that a key is pinned for.

use std::fmt;
use std::str::FromStr;

use xcher_core::Quoted;
use xcher_core::secure::PublicKey;

use crate::RelayAddress;

/// Identifies a relay by the key that it proves, or by its address if it has none. A relay with a key is the
/// same at each of its addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RelayId {
    /// The [canonical](RelayAddress::canonical) address.
    Address(String),
    /// The key.
    Key(PublicKey),
}

const KEY_PREFIX: &str = "key:";

impl From<&RelayAddress> for RelayId {
    fn from(address: &RelayAddress) -> Self {
        Self::Address(address.canonical())
    }
}

impl fmt::Display for RelayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => f.write_str(address),
            Self::Key(key) => write!(f, "{KEY_PREFIX}{key}"),
        }
    }
}

impl FromStr for RelayId {
    type Err = String;

    /// Parses the output of [`Display`](fmt::Display), and nothing else: a relay written in another form would
    /// never be found.
    ///
    /// # Errors
    ///
    /// The expected form.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(key) = text.strip_prefix(KEY_PREFIX) {
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
