//! Reads and writes the messages of the bus (section 23.2).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use core::net::{IpAddr, SocketAddr};

use super::RelayId;
use super::fields::{Fields, is_word, split};
use crate::registry::ConnId;
use crate::secure::PublicKey;
use crate::ticket::Ticket;
use crate::{Line, Nick, RelayPacket, decimal};

/// Bytes of the longest message.
pub(super) const MAX_MESSAGE_LEN: usize = 16 << 10;

/// A question to the relay that has a nick.
pub(super) enum Question<'a> {
    Claim(Claim),
    Call(Call<'a>),
    Meet(MeetRequest<'a>),
}

/// `X_CLAIM relay stamp new|held key|- nick`: a host of this relay has the nick, or is about to get it.
pub(super) struct Claim {
    pub(super) relay: RelayId,
    /// Milliseconds of Unix time at which the host asked for the nick.
    pub(super) stamp: u64,
    /// True if the host has the nick already.
    pub(super) is_held: bool,
    /// The host's key at the relays of the cluster (section 5.6), if it has proved one.
    pub(super) key: Option<PublicKey>,
    pub(super) nick: Nick,
}

/// `X_CALL host nick ip site|- words`, then the X_INIT as its caller wrote it.
pub(super) struct Call<'a> {
    /// The caller, as its relay knows it.
    pub(super) host: HostRef,
    pub(super) caller: Nick,
    /// The caller's address as its relay sees it.
    pub(super) from: IpAddr,
    pub(super) site: Option<&'a str>,
    pub(super) words: CallWords,
    pub(super) line: Line<'a>,
}

/// What the caller's relay says of a call.
#[derive(Clone, Copy, Default)]
pub(super) struct CallWords {
    /// The caller has tickets in force.
    pub(super) ticket: bool,
    /// The caller can connect to hosts behind its own NAT (section 5.7).
    pub(super) near: bool,
    /// The named address is the caller's, or one that a bridge allocated to it.
    pub(super) own: bool,
    /// Section 6 allows the caller to name this address. Otherwise it is an inner address (section 5.7).
    pub(super) named: bool,
    /// The caller wants to know if the call is declined (section 5.13).
    pub(super) decline: bool,
}

/// `X_MEET meeting nick ip`, then the callee's nick as the caller wrote it.
pub(super) struct MeetRequest<'a> {
    pub(super) meeting: MeetingRef,
    pub(super) caller: Nick,
    pub(super) from: IpAddr,
    pub(super) callee: &'a str,
}

/// Names a meeting of hosts of two relays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct MeetingRef {
    /// The caller's relay.
    pub(in super::super) relay: RelayId,
    pub(in super::super) number: u64,
}

/// Names a host of a relay: `relay-number`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct HostRef {
    pub(in super::super) relay: RelayId,
    pub(in super::super) conn: ConnId,
}

/// A published message.
pub(super) enum Notice<'a> {
    /// `X_RELAY relay number join|stay nicks site|- key|-`: the relay is there, and this is its nth such message.
    /// The first one on a connection to the bus says `join`.
    Relay {
        relay: RelayId,
        number: u64,
        joins: bool,
        nicks: u64,
        site: Option<&'a str>,
        key: Option<PublicKey>,
    },
    /// `X_RELAY relay END`: the relay stops.
    RelayEnd(RelayId),
    /// `X_WHO relay request count prefix after`: asks all relays for a page of nicks.
    Who { relay: RelayId, request: u64, count: u64, prefix: &'a str, after: &'a str },
    /// `X_NICKS relay request more|end`, then one nick a line.
    Nicks { relay: RelayId, request: u64, is_last: bool, nicks: &'a str },
    /// `X_MET meeting …`: progress of a meeting.
    Met(MeetingRef, Met<'a>),
    /// `X_DECLINED host ticket`: a call of this host, with this ticket, is declined.
    Declined(HostRef, &'a str),
}

/// What became of one half of a meeting.
pub(super) enum Met<'a> {
    /// `HERE relay ip port`: the callee's rendezvous is there, at this relay and address.
    Arrived(RelayId, SocketAddr),
    /// `BOTH ip port ticket`: both are there, and this is the caller's address.
    Complete(SocketAddr, &'a str),
    /// `END`: this half has ended.
    End,
}

impl<'a> Question<'a> {
    /// Parses a request.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (first, rest) = split(bytes)?;
        let mut fields = Fields::of(first);
        match (fields.text()?, rest) {
            ("X_CLAIM", None) => {
                let (relay, stamp) = (fields.relay()?, fields.number()?);
                let is_held = match fields.text()? {
                    "new" => false,
                    "held" => true,
                    _ => return None,
                };
                let (key, nick) = (fields.key()?, fields.nick()?);
                fields.end(Self::Claim(Claim { relay, stamp, is_held, key, nick }))
            }
            ("X_CALL", Some(line)) => {
                let host = fields.host()?;
                let (caller, from, site) = (fields.nick()?, fields.ip()?, fields.site()?);
                let words = CallWords::parse(fields.text()?);
                let line = Line::whole(line)?;
                fields.end(Self::Call(Call { host, caller, from, site, words, line }))
            }
            ("X_MEET", Some(callee)) => {
                let (meeting, caller, from) = (fields.meeting()?, fields.nick()?, fields.ip()?);
                // Not always a nick that this relay would assign.
                is_word(callee, 1).then_some(())?;
                fields.end(Self::Meet(MeetRequest { meeting, caller, from, callee }))
            }
            _ => None,
        }
    }
}

impl Claim {
    pub(super) fn encode(&self) -> Vec<u8> {
        let Self { relay, stamp, is_held, key, nick } = self;
        let state = if *is_held { "held" } else { "new" };
        format!("X_CLAIM {relay} {stamp} {state} {} {nick}", key_text(*key)).into_bytes()
    }
}

impl Call<'_> {
    pub(super) fn encode(&self) -> Vec<u8> {
        let Self { host, caller, from, site, words, line } = self;
        let (host, site, words) = (host.text(), site.unwrap_or("-"), words.text());
        format!("X_CALL {host} {caller} {from} {site} {words}\n{}", line.raw()).into_bytes()
    }

    /// Returns the fields of the X_INIT.
    pub(super) fn init(&self) -> Option<(&str, SocketAddr)> {
        match RelayPacket::parse(self.line) {
            Ok(RelayPacket::Init { nick, ip, port }) => Some((nick, SocketAddr::new(ip, port))),
            _ => None,
        }
    }
}

impl CallWords {
    fn parse(text: &str) -> Self {
        let has = |word| text.split(',').any(|said| said == word);
        Self {
            ticket: has("ticket"),
            near: has("near"),
            own: has("own"),
            named: has("named"),
            decline: has("decline"),
        }
    }

    fn text(self) -> String {
        let all = [
            ("ticket", self.ticket),
            ("near", self.near),
            ("own", self.own),
            ("named", self.named),
            ("decline", self.decline),
        ];
        let words: Vec<&str> = all.iter().filter(|(_, is)| *is).map(|(word, _)| *word).collect();
        if words.is_empty() { "-".into() } else { words.join(",") }
    }
}

impl MeetRequest<'_> {
    pub(super) fn encode(&self) -> Vec<u8> {
        let Self { meeting, caller, from, callee } = self;
        format!("X_MEET {} {caller} {from}\n{callee}", meeting.text()).into_bytes()
    }
}

impl MeetingRef {
    fn text(self) -> String {
        format!("{}-{}", self.relay, self.number)
    }
}

impl HostRef {
    fn text(self) -> String {
        format!("{}-{}", self.relay, self.conn.0)
    }
}

impl<'a> Notice<'a> {
    /// Parses a published message.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (first, rest) = split(bytes)?;
        let mut fields = Fields::of(first);
        match (fields.text()?, rest) {
            ("X_RELAY", None) => {
                let relay = fields.relay()?;
                let number = match fields.text()? {
                    "END" => return fields.end(Self::RelayEnd(relay)),
                    number => decimal::parse(number.as_bytes())?,
                };
                let joins = match fields.text()? {
                    "join" => true,
                    "stay" => false,
                    _ => return None,
                };
                let (nicks, site, key) = (fields.number()?, fields.site()?, fields.key()?);
                fields.end(Self::Relay { relay, number, joins, nicks, site, key })
            }
            ("X_WHO", None) => {
                let (relay, request, count) = (fields.relay()?, fields.number()?, fields.number()?);
                let word = |text: &'a str| match text {
                    "/" => Some(""),
                    _ => is_word(text, 1).then_some(text),
                };
                let (prefix, after) = (word(fields.text()?)?, word(fields.text()?)?);
                fields.end(Self::Who { relay, request, count, prefix, after })
            }
            ("X_NICKS", Some(nicks)) => {
                let (relay, request) = (fields.relay()?, fields.number()?);
                let is_last = match fields.text()? {
                    "more" => false,
                    "end" => true,
                    _ => return None,
                };
                fields.end(Self::Nicks { relay, request, is_last, nicks })
            }
            ("X_DECLINED", None) => {
                let (host, ticket) = (fields.host()?, fields.text()?);
                let ticket = Ticket::parse(ticket).map(|_| ticket)?;
                fields.end(Self::Declined(host, ticket))
            }
            ("X_MET", None) => {
                let meeting = fields.meeting()?;
                let met = match fields.text()? {
                    "HERE" => Met::Arrived(fields.relay()?, fields.address()?),
                    "BOTH" => {
                        let (at, ticket) = (fields.address()?, fields.text()?);
                        Met::Complete(at, Ticket::parse(ticket).map(|_| ticket)?)
                    }
                    "END" => Met::End,
                    _ => return None,
                };
                fields.end(Self::Met(meeting, met))
            }
            _ => None,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let word = |text: &'a str| if text.is_empty() { "/" } else { text };
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = match self {
            Self::Relay { relay, number, joins, nicks, site, key } => {
                let (site, key) = (site.unwrap_or("-"), key_text(*key));
                let state = if *joins { "join" } else { "stay" };
                write!(out, "X_RELAY {relay} {number} {state} {nicks} {site} {key}")
            }
            Self::RelayEnd(relay) => write!(out, "X_RELAY {relay} END"),
            Self::Who { relay, request, count, prefix, after } => {
                let (prefix, after) = (word(prefix), word(after));
                write!(out, "X_WHO {relay} {request} {count} {prefix} {after}")
            }
            Self::Nicks { relay, request, is_last, nicks } => {
                let more = if *is_last { "end" } else { "more" };
                write!(out, "X_NICKS {relay} {request} {more}\n{nicks}")
            }
            Self::Declined(host, ticket) => write!(out, "X_DECLINED {} {ticket}", host.text()),
            Self::Met(meeting, met) => {
                let meeting = meeting.text();
                match met {
                    Met::Arrived(relay, at) => {
                        write!(out, "X_MET {meeting} HERE {relay} {} {}", at.ip(), at.port())
                    }
                    Met::Complete(at, ticket) => {
                        write!(out, "X_MET {meeting} BOTH {} {} {ticket}", at.ip(), at.port())
                    }
                    Met::End => write!(out, "X_MET {meeting} END"),
                }
            }
        };
        out.into_bytes()
    }
}

fn key_text(key: Option<PublicKey>) -> Box<str> {
    key.map_or_else(|| "-".into(), |key| format!("{key}").into())
}
