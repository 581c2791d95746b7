//! Whom an operator means: a connection, a tunnel, a client's address, a network or a nick.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use xcher_core::registry::{Banned, ConnId, UserName};
use xcher_core::{Nick, Quoted};

use crate::net::log_line::shown;

/// Whom a kick concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The connection to the relay with this id in the log.
    Connection(ConnId),
    /// The tunnel with this id in the log.
    Tunnel(u64),
    /// All clients in a network.
    Network(IpNet),
    /// The holder of a nick.
    Nick(Nick),
    /// All clients of a user.
    User(UserName),
}

impl Target {
    /// Parses what follows `kick`: `tunnel/ID` is no nick, because of the slash, and digits are an id, because a
    /// nick of digits is a code's.
    ///
    /// # Errors
    ///
    /// One line, for a text that is none of these.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| is_number)
        };
        if let Some(id) = number(text) {
            return Ok(Self::Connection(ConnId(id)));
        }
        if let Some(id) = text.strip_prefix("tunnel/").and_then(number) {
            return Ok(Self::Tunnel(id));
        }
        if let Some(name) = text.strip_prefix("user/") {
            return UserName::parse(name).map(Self::User).map_err(|error| error.to_string());
        }
        match banned(text) {
            Ok(Banned::Network(network)) => Ok(Self::Network(network)),
            Ok(Banned::Nick(nick)) => Ok(Self::Nick(nick)),
            Err(_) => Err(format!(
                "{} is not a nick, an address, a network, the id of a connection, tunnel/ID, nor user/NAME",
                Quoted(text)
            )),
        }
    }
}

impl fmt::Display for Target {
    /// For the log: without the nick of a code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(conn) => conn.0.fmt(f),
            Self::Tunnel(number) => write!(f, "tunnel/{number}"),
            Self::Network(network) => network.fmt(f),
            Self::Nick(nick) => f.write_str(shown(nick)),
            Self::User(name) => write!(f, "user/{name}"),
        }
    }
}

/// Parses what follows `ban`. An IPv6 address stands for its /64, which one client can use as a whole. A text
/// that looks like an address is one, though it could be a nick.
///
/// # Errors
///
/// One line, for a text that is none of these, and for the nick of a code: a code lives for minutes and is
/// another host's next time.
pub(super) fn banned(text: &str) -> Result<Banned, String> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(Banned::client(ip));
    }
    if let Ok(network) = text.parse::<IpNet>() {
        return Ok(Banned::Network(network));
    }
    match Nick::parse(text) {
        Ok(nick) if nick.is_one_time() => Err(
            "digits are the nick of a code, and the next holder is another host; ban its address"
                .into(),
        ),
        Ok(nick) => Ok(Banned::Nick(nick)),
        Err(_) => Err(format!(
            "{} is not a nick, an address, nor a network such as 192.0.2.0/24",
            Quoted(text)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_told_apart() {
        let network = |text: &str| Target::Network(text.parse().expect(text));
        let nick = |text| Target::Nick(Nick::parse(text).expect(text));
        for (text, target) in [
            ("12", Target::Connection(ConnId(12))),
            ("tunnel/12", Target::Tunnel(12)),
            ("192.0.2.1", network("192.0.2.1/32")),
            ("::ffff:192.0.2.1", network("192.0.2.1/32")),
            ("2001:db8::9", network("2001:db8::/64")),
            ("10.0.0.0/8", network("10.0.0.0/8")),
            ("bob", nick("bob")),
            ("t12", nick("t12")),
            ("user/12", Target::User(UserName::parse("12").expect("a name"))),
        ] {
            assert_eq!(Target::parse(text), Ok(target), "{text}");
        }
        for text in [
            "",
            "a b",
            "tunnel/",
            "tunnel/x",
            "a/b",
            "user/",
            "user/a b",
            "99999999999999999999",
            "10.0.0.0/33",
        ] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
        assert!(banned("4821").is_err());
    }
}
