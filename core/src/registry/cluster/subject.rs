//! Subjects of the bus.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _};

/// A relay of a cluster, from its start to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayId(pub [u8; 8]);

/// What relays subscribe to and send to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The relay that has the nick with this form (section 5.2).
    Nick(Box<str>),
    /// One relay.
    Relay(RelayId),
    /// All relays.
    All,
}

impl fmt::Display for RelayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Subject {
    /// Returns the end of the subject's name, which the driver puts after the name of the cluster: letters,
    /// digits, `-`, `_`, and a dot between its two parts. No nick can name the subject of another.
    pub fn name(&self) -> String {
        match self {
            Self::Nick(form) => {
                let mut buffer = vec![0; Base64UrlUnpadded::encoded_len(form.as_bytes())];
                let name = Base64UrlUnpadded::encode(form.as_bytes(), &mut buffer);
                format!("n.{}", name.unwrap_or_default())
            }
            Self::Relay(relay) => format!("r.{relay}"),
            Self::All => "all".into(),
        }
    }
}
