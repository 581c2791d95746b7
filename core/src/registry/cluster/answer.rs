//! The answers to requests on the bus (section 23.2).

use alloc::format;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::RelayId;
use super::fields::{Fields, split};
use crate::ticket::Ticket;
use crate::{Nick, decimal};

/// Bytes of the longest reason of a refusal.
const MAX_REASON_LEN: usize = 1024;

/// The answer to a call.
pub(super) enum CallAnswer<'a> {
    /// `YES ip ticket|- near|-`: delivered. The address is the callee's.
    Delivered { callee: IpAddr, ticket: Option<&'a str>, is_near: bool },
    /// `NO reason…`.
    No(&'a str),
    /// `FAR`: it names an inner address, and the callee is not near.
    Far,
    /// `ABSENT nick|-`: the relay has no such nick, but this look-alike.
    Absent(Option<Nick>),
}

/// The answer to a request for a meeting.
pub(super) enum MeetAnswer<'a> {
    /// `YES relay`: the callee is invited at this relay.
    Invited(RelayId),
    No(&'a str),
    Absent(Option<Nick>),
}

/// Parses the answer to a claim: true if it may have the nick.
pub(super) fn parse_verdict(bytes: &[u8]) -> Option<bool> {
    match bytes {
        b"YES" => Some(true),
        b"NO" => Some(false),
        _ => None,
    }
}

pub(super) fn encode_verdict(is_granted: bool) -> Vec<u8> {
    if is_granted { "YES" } else { "NO" }.into()
}

/// Parses the answer `YES stamp` to a claim: the host of the relay moves, and this is the stamp of its lease.
pub(super) fn parse_moved(bytes: &[u8]) -> Option<u64> {
    decimal::parse(bytes.strip_prefix(b"YES ")?)
}

pub(super) fn encode_moved(stamp: u64) -> Vec<u8> {
    format!("YES {stamp}").into_bytes()
}

fn parse_absent(mut fields: Fields<'_>) -> Option<Option<Nick>> {
    let similar = match fields.optional()? {
        None => None,
        Some(text) => Some(Nick::parse(text).ok()?),
    };
    fields.end(similar)
}

fn parse_reason(line: &str) -> Option<&str> {
    line.strip_prefix("NO ").filter(|reason| reason.len() <= MAX_REASON_LEN)
}

/// Returns the bytes of a refusal.
fn encode_no(reason: &str) -> Vec<u8> {
    format!("NO {reason}").into_bytes()
}

fn encode_absent(similar: Option<&Nick>) -> Vec<u8> {
    format!("ABSENT {}", similar.map_or("-", Nick::as_str)).into_bytes()
}

impl<'a> CallAnswer<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (line, None) = split(bytes)? else { return None };
        let mut fields = Fields::of(line);
        match fields.text()? {
            "YES" => {
                let (callee, ticket) = (fields.ip()?, fields.optional()?);
                ticket.is_none_or(|text| Ticket::parse(text).is_some()).then_some(())?;
                let is_near = fields.optional()? == Some("near");
                fields.end(Self::Delivered { callee, ticket, is_near })
            }
            "NO" => parse_reason(line).map(Self::No),
            "FAR" => fields.end(Self::Far),
            "ABSENT" => parse_absent(fields).map(Self::Absent),
            _ => None,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Delivered { callee, ticket, is_near } => {
                let (ticket, near) = (ticket.unwrap_or("-"), if *is_near { "near" } else { "-" });
                format!("YES {callee} {ticket} {near}").into_bytes()
            }
            Self::No(reason) => encode_no(reason),
            Self::Far => "FAR".into(),
            Self::Absent(similar) => encode_absent(similar.as_ref()),
        }
    }
}

impl<'a> MeetAnswer<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (line, None) = split(bytes)? else { return None };
        let mut fields = Fields::of(line);
        match fields.text()? {
            "YES" => {
                let relay = fields.relay()?;
                fields.end(Self::Invited(relay))
            }
            "NO" => parse_reason(line).map(Self::No),
            "ABSENT" => parse_absent(fields).map(Self::Absent),
            _ => None,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Invited(relay) => format!("YES {relay}").into_bytes(),
            Self::No(reason) => encode_no(reason),
            Self::Absent(similar) => encode_absent(similar.as_ref()),
        }
    }
}
