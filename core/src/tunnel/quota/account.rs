//! Whom the bytes of a tunnel count for.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use core::fmt;
use core::net::IpAddr;

use crate::addr::client_prefix;

/// Whom the bytes of a tunnel count for: its user if it brought the token of one, else its client's address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum QuotaAccount {
    /// The user with this name.
    User(String),
    /// All clients of an IPv4 address or of an IPv6 /64.
    Address(IpAddr),
}

/// What precedes the name of a user.
const USER_PREFIX: &str = "user/";

impl QuotaAccount {
    /// Returns the account of a client's address.
    pub fn address(client: IpAddr) -> Self {
        Self::Address(client_prefix(client))
    }

    /// Parses `user/NAME` or an address: any of an IPv6 /64 stands for all of it.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix(USER_PREFIX) {
            Some(name) => (!name.is_empty()).then(|| Self::User(name.to_owned())),
            None => text.parse().ok().map(Self::address),
        }
    }
}

impl fmt::Display for QuotaAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "{USER_PREFIX}{name}"),
            Self::Address(ip) => ip.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for (text, shown) in [
            ("user/amy", "user/amy"),
            ("user/user/amy", "user/user/amy"),
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8::1:2:3:4", "2001:db8::"),
        ] {
            assert_eq!(QuotaAccount::parse(text).map(|it| it.to_string()).as_deref(), Some(shown));
        }
        for text in ["", "amy", "user/", "10.0.0.0/8"] {
            assert_eq!(QuotaAccount::parse(text), None, "{text}");
        }
    }
}
