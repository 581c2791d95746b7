//! Reads and writes the packets between a host and the relay (section 5).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::limits::MAX_TOKEN_LEN;
use crate::{Line, ProtocolError, Quoted, decimal};

/// The form of the base protocol's only relay packet.
pub const X_INIT_FORM: &str = "X_INIT nick ip port";

/// A host without ports of its own need not know X_NEAR and X_MEET.
const KNOWS_PATHS: bool = cfg!(any(feature = "relay", feature = "path-selection"));

/// One line between a host and the relay. Nicks are unchecked: a relay may know nicks that this crate
/// would not assign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayPacket<'a> {
    /// `X_INIT nick ip port`: calls a host; the caller listens at the address.
    Init {
        /// The callee's nick.
        nick: &'a str,
        /// The caller's address.
        ip: IpAddr,
        /// The caller's port, 1–65535.
        port: u16,
    },
    /// `X_NICK nick`: asks for a nick.
    Nick(&'a str),
    /// `X_NICK nick YES` or `X_NICK nick NO`: answers X_NICK.
    NickAnswer {
        /// The requested nick.
        nick: &'a str,
        /// True if the nick is now the client's.
        yes: bool,
    },
    /// `X_WHO`: asks for the nicks online.
    Who,
    /// `X_WHO count prefix` or `X_WHO count prefix nick`: asks for a page of the list (section 5.10). A relay
    /// takes an X_WHO with a count alone for one, too.
    WhoPage {
        /// The most nicks of the answer.
        count: u64,
        /// What they begin with; `/` if with anything.
        prefix: &'a str,
        /// The nick that they come after.
        after: Option<&'a str>,
    },
    /// `X_WHO nick`: one nick of the list.
    WhoNick(&'a str),
    /// `X_WHO EOF`: ends the list.
    WhoEnd,
    /// `X_ADDR`: asks for the client's address as the relay sees it.
    Addr,
    /// `X_ADDR ip`, or `X_ADDR ip port` where `meet` is in force (section 5.8): answers X_ADDR.
    AddrAnswer {
        /// The client's address.
        ip: IpAddr,
        /// The client's port.
        port: Option<u16>,
    },
    /// `X_PING token`: asks for a sign of life.
    Ping(&'a str),
    /// `X_PONG token`: answers X_PING.
    Pong(&'a str),
    /// `X_CAPS word word …`: names the supported extensions (section 5.3).
    Caps(&'a str),
    /// `X_KEY …`: one of the three steps of the proof of keys (section 5.6).
    Key(&'a str),
    /// `X_TOKEN token`: shows the token of a user (section 5.11).
    Token(&'a str),
    /// `X_FROM nick`: names the caller of the next X_INIT.
    From(&'a str),
    /// `X_TICKET base64`: the ticket that the callee of the next X_INIT must present (section 5.5).
    Ticket(&'a str),
    /// `X_TICKET nick ip port base64`, or `-` for no ticket: the ticket that the caller of this X_INIT must
    /// expect (section 5.5).
    TicketDue {
        /// The callee's nick.
        nick: &'a str,
        /// The caller's address.
        ip: IpAddr,
        /// The caller's port.
        port: u16,
        /// The ticket; `None` if the callee does not support tickets.
        ticket: Option<&'a str>,
    },
    /// `X_DECLINE base64`: the call with this ticket is declined by its callee (section 5.13). To the relay, and
    /// from it to the caller.
    Decline(&'a str),
    /// `X_NEAR`: the other host of the next X_INIT, or of the call whose ticket follows, is behind the same
    /// NAT (section 5.7).
    Near,
    /// `X_MEET nick`: asks for hole punching with a host. Or, as the first line of a rendezvous, `X_MEET
    /// base64`: shows the invitation (section 5.8).
    Meet(&'a str),
    /// `X_MEET nick base64 port`, to the caller, or `X_MEET base64 port`, to the callee: invites it to a
    /// rendezvous.
    Invitation {
        /// The callee's nick, to the caller.
        nick: Option<&'a str>,
        /// The invitation.
        invitation: &'a str,
        /// The relay's TCP port, for hosts that reach it through a bridge.
        port: u16,
    },
    /// `X_MEET ip port base64`: the address of the other host's rendezvous, and the ticket of the link.
    Endpoint {
        /// The other host's address as the relay sees it.
        ip: IpAddr,
        /// Its port.
        port: u16,
        /// The ticket.
        ticket: &'a str,
    },
    /// `X_MOVE seconds`: the relay stops in that many seconds, and asks the host to connect to it anew before
    /// (section 5.9).
    Move {
        /// Seconds until the relay stops.
        seconds: u64,
    },
    /// `X_PATH path`: how a host that the client called was reached (section 5.12).
    Path(&'a str),
    /// `X_ERR verb reason…`: reports that a packet was not carried out.
    Err {
        /// The packet's verb, or `-`.
        verb: &'a str,
        /// The reason.
        reason: &'a str,
    },
    /// `X_END`: announces that the sender closes the connection.
    End,
    /// Another verb with the prefix `X_`.
    Unknown {
        /// The verb.
        verb: &'a str,
    },
}

impl<'a> RelayPacket<'a> {
    /// Parses a line.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::Malformed`] if a known verb has the wrong fields,
    /// [`ProtocolError::NotXcher`] if the line does not start with an `X_` verb.
    pub fn parse(line: Line<'a>) -> Result<Self, ProtocolError> {
        let line = line.text();
        let (verb, fields) = match line.split_once(' ') {
            Some((verb, fields)) => (verb, Some(fields)),
            None => (line, None),
        };
        let (expected, packet) = match verb {
            "X_INIT" => (X_INIT_FORM, fields.and_then(Self::parse_init)),
            "X_NICK" => ("X_NICK nick", fields.and_then(Self::parse_nick)),
            "X_WHO" => (
                "X_WHO, X_WHO nick, X_WHO EOF or X_WHO count prefix nick",
                match fields {
                    None => Some(Self::Who),
                    Some("EOF") => Some(Self::WhoEnd),
                    Some(fields) => Self::parse_who(fields),
                },
            ),
            "X_ADDR" => (
                "X_ADDR, X_ADDR ip or X_ADDR ip port",
                match fields {
                    None => Some(Self::Addr),
                    Some(fields) => Self::parse_addr(fields),
                },
            ),
            "X_PING" => ("X_PING token", fields.and_then(single).map(Self::Ping)),
            "X_PONG" => ("X_PONG token", fields.and_then(single).map(Self::Pong)),
            "X_CAPS" => ("X_CAPS word word …", fields.map(Self::Caps)),
            "X_KEY" => ("X_KEY base64 …", fields.map(Self::Key)),
            "X_TOKEN" if cfg!(feature = "relay") => {
                ("X_TOKEN token", fields.and_then(Self::parse_token))
            }
            "X_FROM" => ("X_FROM nick", fields.and_then(single).map(Self::From)),
            "X_TICKET" => (
                "X_TICKET base64 or X_TICKET nick ip port base64",
                fields.and_then(Self::parse_ticket),
            ),
            "X_DECLINE" => ("X_DECLINE base64", fields.and_then(single).map(Self::Decline)),
            "X_NEAR" if KNOWS_PATHS => ("X_NEAR", fields.is_none().then_some(Self::Near)),
            "X_MEET" if KNOWS_PATHS => (
                "X_MEET nick, X_MEET nick base64 port, X_MEET base64 port or X_MEET ip port base64",
                fields.and_then(Self::parse_meet),
            ),
            "X_MOVE" => ("X_MOVE seconds", fields.and_then(Self::parse_move)),
            "X_PATH" if cfg!(feature = "relay") => {
                ("X_PATH path", fields.and_then(single).map(Self::Path))
            }
            "X_ERR" => ("X_ERR verb reason", fields.and_then(Self::parse_err)),
            "X_END" => ("X_END", fields.is_none().then_some(Self::End)),
            _ if verb.starts_with("X_") => ("", Some(Self::Unknown { verb })),
            _ => return Err(ProtocolError::NotXcher { got: Quoted(line).to_box() }),
        };
        packet.ok_or_else(|| ProtocolError::Malformed { expected, got: Quoted(line).to_box() })
    }

    fn parse_init(fields: &'a str) -> Option<Self> {
        let (nick, rest) = fields.split_once(' ')?;
        let (ip, port) = rest.split_once(' ')?;
        // The standard parser rejects brackets, zones, host names and short forms.
        Some(Self::Init { nick: single(nick)?, ip: ip.parse().ok()?, port: decimal::port(port)? })
    }

    fn parse_nick(fields: &'a str) -> Option<Self> {
        match fields.split_once(' ') {
            None => single(fields).map(Self::Nick),
            Some((nick, "YES")) => Some(Self::NickAnswer { nick, yes: true }),
            Some((nick, "NO")) => Some(Self::NickAnswer { nick, yes: false }),
            Some(_) => None,
        }
    }

    fn parse_who(fields: &'a str) -> Option<Self> {
        let Some((count, rest)) = fields.split_once(' ') else {
            return single(fields).map(Self::WhoNick);
        };
        let (prefix, after) = match rest.split_once(' ') {
            None => (rest, None),
            Some((prefix, after)) => (prefix, Some(single(after)?)),
        };
        let count = decimal::parse(count.as_bytes())?;
        Some(Self::WhoPage { count, prefix: single(prefix)?, after })
    }

    fn parse_addr(fields: &'a str) -> Option<Self> {
        let (ip, port) = match fields.split_once(' ') {
            Some((ip, port)) if KNOWS_PATHS => (ip, Some(decimal::port(port)?)),
            _ => (fields, None),
        };
        Some(Self::AddrAnswer { ip: ip.parse().ok()?, port })
    }

    fn parse_ticket(fields: &'a str) -> Option<Self> {
        let Some((init, ticket)) = fields.rsplit_once(' ') else {
            return single(fields).map(Self::Ticket);
        };
        let Self::Init { nick, ip, port } = Self::parse_init(init)? else { return None };
        let ticket = Some(single(ticket)?).filter(|ticket| *ticket != "-");
        Some(Self::TicketDue { nick, ip, port, ticket })
    }

    fn parse_meet(fields: &'a str) -> Option<Self> {
        let Some((first, rest)) = fields.split_once(' ') else {
            return single(fields).map(Self::Meet);
        };
        let first = single(first)?;
        let Some((second, third)) = rest.split_once(' ') else {
            let port = decimal::port(rest)?;
            return Some(Self::Invitation { nick: None, invitation: first, port });
        };
        if let Some(port) = decimal::port(third) {
            let (nick, invitation) = (Some(first), single(second)?);
            return Some(Self::Invitation { nick, invitation, port });
        }
        let (ip, port) = (first.parse().ok()?, decimal::port(second)?);
        Some(Self::Endpoint { ip, port, ticket: single(third)? })
    }

    fn parse_token(fields: &'a str) -> Option<Self> {
        is_token(fields).then_some(Self::Token(fields))
    }

    fn parse_move(fields: &'a str) -> Option<Self> {
        decimal::parse(fields.as_bytes()).map(|seconds| Self::Move { seconds })
    }

    fn parse_err(fields: &'a str) -> Option<Self> {
        let (verb, reason) = fields.split_once(' ')?;
        Some(Self::Err { verb, reason })
    }

    /// Appends the line with its end.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Near | Self::Meet(_) | Self::Invitation { .. } | Self::Endpoint { .. }
                if !KNOWS_PATHS => {}
            Self::Init { nick, ip, port } => {
                put(out, &["X_INIT", nick, &alloc::format!("{ip} {port}")]);
            }
            Self::Nick(nick) => put(out, &["X_NICK", nick]),
            Self::NickAnswer { nick, yes } => {
                put(out, &["X_NICK", nick, if *yes { "YES" } else { "NO" }]);
            }
            Self::Who => put(out, &["X_WHO"]),
            Self::WhoNick(nick) => put(out, &["X_WHO", nick]),
            Self::WhoPage { count, prefix, after } => {
                let count = alloc::format!("{count}");
                match after {
                    Some(after) => put(out, &["X_WHO", &count, prefix, after]),
                    None => put(out, &["X_WHO", &count, prefix]),
                }
            }
            Self::WhoEnd => put(out, &["X_WHO", "EOF"]),
            Self::Addr => put(out, &["X_ADDR"]),
            Self::AddrAnswer { ip, port: None } => put(out, &["X_ADDR", &alloc::format!("{ip}")]),
            Self::AddrAnswer { ip, port: Some(port) } => {
                put(out, &["X_ADDR", &alloc::format!("{ip} {port}")]);
            }
            Self::Ping(token) => put(out, &["X_PING", token]),
            Self::Pong(token) => put(out, &["X_PONG", token]),
            Self::Caps(words) => put(out, &["X_CAPS", words]),
            Self::Key(fields) => put(out, &["X_KEY", fields]),
            Self::Token(token) => put(out, &["X_TOKEN", token]),
            Self::From(nick) => put(out, &["X_FROM", nick]),
            Self::Ticket(ticket) => put(out, &["X_TICKET", ticket]),
            Self::TicketDue { nick, ip, port, ticket } => {
                let at = alloc::format!("{ip} {port}");
                put(out, &["X_TICKET", nick, &at, ticket.unwrap_or("-")]);
            }
            Self::Decline(ticket) => put(out, &["X_DECLINE", ticket]),
            Self::Near => put(out, &["X_NEAR"]),
            Self::Meet(field) => put(out, &["X_MEET", field]),
            Self::Invitation { nick, invitation, port } => {
                let port = alloc::format!("{port}");
                match nick {
                    Some(nick) => put(out, &["X_MEET", nick, invitation, &port]),
                    None => put(out, &["X_MEET", invitation, &port]),
                }
            }
            Self::Endpoint { ip, port, ticket } => {
                put(out, &["X_MEET", &alloc::format!("{ip} {port}"), ticket]);
            }
            Self::Move { seconds } => put(out, &["X_MOVE", &alloc::format!("{seconds}")]),
            Self::Path(path) => put(out, &["X_PATH", path]),
            Self::Err { verb, reason } => put(out, &["X_ERR", verb, reason]),
            Self::End => put(out, &["X_END"]),
            Self::Unknown { verb } => put(out, &[verb]),
        }
    }

    /// Returns the packet as a line with its end.
    pub fn to_line(&self) -> Box<[u8]> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out.into()
    }
}

/// Returns the field if it is not empty and contains no space.
fn single(field: &str) -> Option<&str> {
    (!field.is_empty() && !field.contains(' ')).then_some(field)
}

/// Returns true for a token: 1 to 256 bytes of printable ASCII, without spaces.
pub(crate) fn is_token(text: &str) -> bool {
    (1..=MAX_TOKEN_LEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn put(out: &mut Vec<u8>, fields: &[&str]) {
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(field.as_bytes());
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LineBuffer;
    use alloc::format;
    use alloc::string::String;

    fn parse<R>(line: &str, check: impl FnOnce(Result<RelayPacket<'_>, ProtocolError>) -> R) -> R {
        let mut buffer = LineBuffer::new();
        buffer.receive(format!("{line}\n").as_bytes());
        check(RelayPacket::parse(buffer.next_line().expect("text").expect("a line")))
    }

    #[test]
    fn what_is_read_is_written_again() {
        for line in [
            "X_INIT bob 192.168.1.7 40000",
            "X_INIT bob ::1 1",
            "X_NICK bob",
            "X_NICK bob YES",
            "X_NICK bob NO",
            "X_WHO",
            "X_WHO bob",
            "X_WHO EOF",
            "X_WHO 100 /",
            "X_WHO 1 al alice",
            "X_ADDR",
            "X_ADDR ::1",
            "X_ADDR 192.0.2.7 40000",
            "X_PING 7",
            "X_PONG 7",
            "X_CAPS from",
            "X_KEY BwcH BwcH",
            "X_TOKEN !abc~",
            "X_FROM bob",
            "X_TICKET BwcHBwcHBwcHBwcHBwcHBw==",
            "X_TICKET bob 192.168.1.7 40000 BwcHBwcHBwcHBwcHBwcHBw==",
            "X_TICKET bob ::1 1 -",
            "X_DECLINE BwcHBwcHBwcHBwcHBwcHBw==",
            "X_NEAR",
            "X_MEET bob",
            "X_MEET bob BwcHBwcHBwcHBwcHBwcHBw== 9247",
            "X_MEET BwcHBwcHBwcHBwcHBwcHBw== 9247",
            "X_MEET ::1 61000 BwcHBwcHBwcHBwcHBwcHBw==",
            "X_MOVE 0",
            "X_MOVE 18446744073709551615",
            "X_PATH direct",
            "X_ERR X_INIT no such nick: bob",
            "X_END",
        ] {
            parse(line, |packet| {
                let written = packet.expect(line).to_line();
                assert_eq!(String::from_utf8_lossy(&written), format!("{line}\n"));
            });
        }
    }

    #[test]
    fn an_address_is_a_literal_and_a_port_is_not_zero() {
        for line in [
            "X_INIT",
            "X_INIT bob",
            "X_INIT bob 1.2.3.4",
            "X_INIT bob example.org 80",
            "X_INIT bob localhost 4000",
            "X_INIT bob [::1] 80",
            "X_INIT bob fe80::1%eth0 80",
            "X_INIT bob 1.2.3 80",
            "X_INIT bob 1.2.3.4 0",
            "X_INIT bob 1.2.3.4 65536",
            "X_INIT bob 1.2.3.4 -1",
            "X_INIT bob 0x7f.1 80",
            "X_INIT bob 127.1 80",
            "X_INIT bob 1.2.3.4 80 x",
            "X_INIT  1.2.3.4 80",
            "X_INIT bob 010.0.0.1 80",
            "X_NICK",
            "X_NICK a b",
            "X_WHO a b",
            "X_WHO 1 ",
            "X_WHO 1 a ",
            "X_WHO 1 a b c",
            "X_WHO -1 a",
            "X_ADDR x",
            "X_ADDR ::1 0",
            "X_ADDR ::1 x",
            "X_ADDR ::1 1 2",
            "X_MEET",
            "X_MEET ",
            "X_MEET  9247",
            "X_MEET bob x",
            "X_MEET bob BwcHBwcHBwcHBwcHBwcHBw== 0",
            "X_MEET example.org 80 BwcHBwcHBwcHBwcHBwcHBw==",
            "X_MEET 192.0.2.7 80 a b",
            "X_PING",
            "X_TOKEN",
            "X_TOKEN ",
            "X_TOKEN a b",
            "X_TOKEN é",
            "X_TICKET",
            "X_TICKET a b",
            "X_TICKET bob 192.168.1.7 40000",
            "X_TICKET bob 192.168.1.7 40000 ",
            "X_DECLINE",
            "X_DECLINE ",
            "X_DECLINE bob BwcHBwcHBwcHBwcHBwcHBw==",
            "X_NEAR bob",
            "X_PATH",
            "X_PATH direct now",
            "X_MOVE",
            "X_MOVE ",
            "X_MOVE -1",
            "X_MOVE 1.5",
            "X_MOVE 30 s",
            "X_MOVE 18446744073709551616",
            "X_ERR X_INIT",
            "X_END x",
        ] {
            parse(line, |packet| {
                assert!(
                    matches!(packet, Err(ProtocolError::Malformed { .. })),
                    "{line}: {packet:?}"
                );
            });
        }
    }
}
