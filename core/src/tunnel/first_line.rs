//! The first line of a stream, and the answer to it, read and written side by side (section 10.2).

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use crate::{ProtocolError, Quoted, decimal};

/// What a stream of a tunnel is for, or what came of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstLine<'a> {
    /// `X_RELAY`, from the client: this stream is a connection to the relay.
    Relay,
    /// `X_LISTEN`, from the client: listen for me, as long as this stream is open.
    Listen,
    /// `X_LISTEN ip port`, the answer: there.
    Listening(SocketAddr),
    /// `X_ACCEPT port ip port`, from the bridge: someone connected to your listener on the first
    /// port; what follows is theirs.
    Accept {
        /// The listener's port.
        port: u16,
        /// Who connected.
        from: SocketAddr,
    },
    /// `X_DIAL ip port`, from the client: connect me there.
    Dial(SocketAddr),
    /// `YES`, the answer: what follows goes there and comes from there.
    Yes,
    /// `NO reason`, the answer to any of the client's lines.
    No {
        /// What was expected and what came.
        reason: &'a str,
    },
}

const FORMS: &str = "X_RELAY, X_LISTEN, X_ACCEPT port ip port, X_DIAL ip port, YES or NO reason";

impl<'a> FirstLine<'a> {
    /// Reads a line without its end.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::Malformed`] for anything else.
    pub fn parse(line: &'a str) -> Result<Self, ProtocolError> {
        let (verb, fields) = match line.split_once(' ') {
            Some((verb, fields)) => (verb, Some(fields)),
            None => (line, None),
        };
        let parsed = match (verb, fields) {
            ("X_RELAY", None) => Some(Self::Relay),
            ("X_LISTEN", None) => Some(Self::Listen),
            ("X_LISTEN", Some(fields)) => address(fields).map(Self::Listening),
            ("X_ACCEPT", Some(fields)) => accept(fields),
            ("X_DIAL", Some(fields)) => address(fields).map(Self::Dial),
            ("YES", None) => Some(Self::Yes),
            ("NO", Some(reason)) => Some(Self::No { reason }),
            _ => None,
        };
        parsed
            .ok_or_else(|| ProtocolError::Malformed { expected: FORMS, got: Quoted(line).to_box() })
    }

    /// The line with its end.
    pub fn to_line(&self) -> Box<[u8]> {
        let mut line = Vec::new();
        let mut put = |fields: &[&str]| {
            line.extend_from_slice(fields.join(" ").as_bytes());
            line.push(b'\n');
        };
        let at = |at: &SocketAddr| (at.ip().to_string(), at.port().to_string());
        match self {
            Self::Relay => put(&["X_RELAY"]),
            Self::Listen => put(&["X_LISTEN"]),
            Self::Listening(there) => {
                let (ip, port) = at(there);
                put(&["X_LISTEN", &ip, &port]);
            }
            Self::Accept { port, from } => {
                let (ip, from_port) = at(from);
                put(&["X_ACCEPT", &port.to_string(), &ip, &from_port]);
            }
            Self::Dial(there) => {
                let (ip, port) = at(there);
                put(&["X_DIAL", &ip, &port]);
            }
            Self::Yes => put(&["YES"]),
            Self::No { reason } => put(&["NO", reason]),
        }
        line.into()
    }
}

fn address(fields: &str) -> Option<SocketAddr> {
    let (ip, port) = fields.split_once(' ')?;
    Some(SocketAddr::new(ip.parse::<IpAddr>().ok()?, decimal::port(port)?))
}

fn accept(fields: &str) -> Option<FirstLine<'static>> {
    let (port, from) = fields.split_once(' ')?;
    Some(FirstLine::Accept { port: decimal::port(port)?, from: address(from)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;

    #[test]
    fn what_is_read_is_written_again() {
        for line in [
            "X_RELAY",
            "X_LISTEN",
            "X_LISTEN 192.0.2.7 40000",
            "X_LISTEN ::1 40000",
            "X_ACCEPT 40000 192.0.2.7 5000",
            "X_DIAL ::1 40000",
            "YES",
            "NO expected a port from 1024 up, got 80",
        ] {
            let written = FirstLine::parse(line).expect(line).to_line();
            assert_eq!(String::from_utf8_lossy(&written), format!("{line}\n"));
        }
    }

    #[test]
    fn a_dial_names_an_address_and_a_port() {
        for line in [
            "",
            "X_DIAL",
            "X_DIAL 1.2.3.4",
            "X_DIAL example.org 80",
            "X_DIAL [::1] 80",
            "X_DIAL 1.2.3.4 0",
            "X_DIAL 1.2.3.4 65536",
            "X_DIAL 1.2.3.4 80 90",
            "X_ACCEPT 1 1.2.3.4",
            "X_RELAY now",
            "YES sir",
            "NO",
            "GET / HTTP/1.1",
        ] {
            let parsed = FirstLine::parse(line);
            assert!(matches!(parsed, Err(ProtocolError::Malformed { .. })), "{line}: {parsed:?}");
        }
    }
}
