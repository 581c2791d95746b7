//! Reads the fields of the messages of the bus (section 23.2).

use core::net::{IpAddr, SocketAddr};

use super::RelayId;
use super::message::{HostRef, MAX_MESSAGE_LEN, MeetingRef};
use crate::registry::ConnId;
use crate::secure::PublicKey;
use crate::{Nick, decimal};

/// Bytes of the longest name of a site, and of the longest nick or beginning of one.
const MAX_WORD_LEN: usize = 128;

/// The fields of a line, separated by one space each.
pub(super) struct Fields<'a>(core::str::Split<'a, char>);

impl<'a> Fields<'a> {
    pub(super) fn of(line: &'a str) -> Self {
        Self(line.split(' '))
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        self.0.next()
    }

    /// A word that may be absent.
    pub(super) fn optional(&mut self) -> Option<Option<&'a str>> {
        self.text().map(|text| Some(text).filter(|text| *text != "-"))
    }

    pub(super) fn relay(&mut self) -> Option<RelayId> {
        RelayId::parse(self.text()?)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        decimal::parse(self.text()?.as_bytes())
    }

    pub(super) fn ip(&mut self) -> Option<IpAddr> {
        self.text()?.parse().ok()
    }

    pub(super) fn address(&mut self) -> Option<SocketAddr> {
        let ip: IpAddr = self.ip()?;
        Some(SocketAddr::new(ip.to_canonical(), decimal::port(self.text()?)?))
    }

    pub(super) fn nick(&mut self) -> Option<Nick> {
        Nick::parse(self.text()?).ok()
    }

    pub(super) fn key(&mut self) -> Option<Option<PublicKey>> {
        match self.optional()? {
            None => Some(None),
            Some(text) => PublicKey::parse(text).ok().map(Some),
        }
    }

    pub(super) fn site(&mut self) -> Option<Option<&'a str>> {
        self.optional().filter(|site| site.is_none_or(|site| is_word(site, 1)))
    }

    pub(super) fn meeting(&mut self) -> Option<MeetingRef> {
        let (relay, number) = self.text()?.split_once('-')?;
        Some(MeetingRef {
            relay: RelayId::parse(relay)?,
            number: decimal::parse(number.as_bytes())?,
        })
    }

    pub(super) fn host(&mut self) -> Option<HostRef> {
        let MeetingRef { relay, number } = self.meeting()?;
        Some(HostRef { relay, conn: ConnId(number) })
    }

    /// Returns `value` if no field is left.
    pub(super) fn end<T>(mut self, value: T) -> Option<T> {
        self.0.next().is_none().then_some(value)
    }
}

pub(super) fn is_word(text: &str, least: usize) -> bool {
    (least..=MAX_WORD_LEN).contains(&text.len()) && !text.contains([' ', '\n'])
}

/// Splits a message into its first line and the rest.
pub(super) fn split(bytes: &[u8]) -> Option<(&str, Option<&str>)> {
    let text = core::str::from_utf8(bytes).ok().filter(|text| text.len() <= MAX_MESSAGE_LEN)?;
    Some(match text.split_once('\n') {
        None => (text, None),
        Some((first, rest)) => (first, Some(rest)),
    })
}
