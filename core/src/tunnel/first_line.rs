//! Reads and writes the first line of a stream and its answer (section 10.2).

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use crate::secure::Side;
use crate::{ProtocolError, Quoted, decimal};

/// The first line of a tunnel's stream, or the answer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstLine<'a> {
    /// `X_RELAY`, from the client: connects the stream to the relay.
    Relay,
    /// `X_LISTEN`, from the client: allocates a port as long as the stream is open.
    Listen,
    /// `X_LISTEN ip port`, the answer: the allocated address.
    Listening(SocketAddr),
    /// `X_ACCEPT port ip port`, from the bridge: announces a connection to the client's listener, whose bytes
    /// follow.
    Accept {
        /// The listener's port.
        port: u16,
        /// The visitor's address.
        from: SocketAddr,
    },
    /// `X_DIAL ip port`, from the client: connects the stream to an address.
    Dial(SocketAddr),
    /// `X_DATA side number`, on a link by WebRTC, from the provider: the stream is the data connection of a
    /// request (section 24).
    Data {
        /// The side that requested.
        side: Side,
        /// The number of its request (section 11.4).
        number: u64,
    },
    /// `YES`, the answer: the stream is connected.
    Yes,
    /// `NO reason`, the refusal of any of the client's lines.
    No {
        /// The reason.
        reason: &'a str,
    },
}

const FORMS: &str = "X_RELAY, X_LISTEN, X_ACCEPT port ip port, X_DIAL ip port, X_DATA side number, YES or NO \
                     reason";

impl<'a> FirstLine<'a> {
    /// Parses a line without its end.
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
            ("X_DATA", Some(fields)) => data(fields),
            ("YES", None) => Some(Self::Yes),
            ("NO", Some(reason)) => Some(Self::No { reason }),
            _ => None,
        };
        parsed
            .ok_or_else(|| ProtocolError::Malformed { expected: FORMS, got: Quoted(line).to_box() })
    }

    /// Returns the line with its end.
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
            Self::Data { side, number } => {
                put(&["X_DATA", &char::from(side.letter()).to_string(), &number.to_string()]);
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

fn data(fields: &str) -> Option<FirstLine<'static>> {
    let (side, number) = fields.split_once(' ')?;
    let side =
        [Side::Caller, Side::Callee].into_iter().find(|one| side.as_bytes() == [one.letter()])?;
    Some(FirstLine::Data { side, number: decimal::parse(number.as_bytes())? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;

    #[test]
    fn lines_round_trip() {
        for line in [
            "X_RELAY",
            "X_LISTEN",
            "X_LISTEN 192.0.2.7 40000",
            "X_LISTEN ::1 40000",
            "X_ACCEPT 40000 192.0.2.7 5000",
            "X_DIAL ::1 40000",
            "X_DATA A 0",
            "X_DATA B 18446744073709551615",
            "YES",
            "NO port 80 is below 1024",
        ] {
            let written = FirstLine::parse(line).expect(line).to_line();
            assert_eq!(String::from_utf8_lossy(&written), format!("{line}\n"));
        }
    }

    #[test]
    fn parse_rejects_other_lines() {
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
            "X_DATA A",
            "X_DATA C 1",
            "X_DATA a 1",
            "X_DATA A -1",
            "X_DATA A 1 2",
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
