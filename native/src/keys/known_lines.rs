//! The text of `known_peers`: a line for each key, comments and empty lines as a person left them.

use std::collections::HashMap;
use std::path::Path;

use time::{Date, Month, OffsetDateTime};
use xcher_core::secure::PublicKey;
use xcher_core::{Nick, Quoted};

use super::error::KeysError;
use crate::host::RelayAddress;

/// Whose key was first seen when: a line `RELAY NICK KEY SINCE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPeer {
    /// The relay, as [`RelayAddress::canonical`] writes it.
    pub relay: String,
    /// What they are called there.
    pub nick: Nick,
    /// The key that they proved to hold.
    pub key: PublicKey,
    /// Since when it is pinned: a day of UTC.
    pub since: Date,
}

/// Most lines of the file.
pub(super) const MAX_LINES: usize = 100_000;
/// Most bytes of the file.
pub(super) const MAX_BYTES: u64 = 16 << 20;
/// The two in words.
pub(super) const LIMIT: &str = "100,000 lines and 16 MiB";

const HEADING: &str = "# Whose keys this host knows: RELAY NICK KEY SINCE\n";

impl KnownPeer {
    /// Someone whose key is pinned today.
    pub(super) fn today(relay: String, nick: Nick, key: PublicKey) -> Self {
        Self { relay, nick, key, since: OffsetDateTime::now_utc().date() }
    }

    fn line(&self) -> String {
        let Self { relay, nick, key, since } = self;
        format!("{relay} {nick} {key} {since}\n")
    }
}

/// The lines of the file, in their order.
#[derive(Debug, Default)]
pub(super) struct KnownLines(Vec<Line>);

#[derive(Debug)]
struct Line {
    /// With its end, if it has one.
    text: String,
    /// `None` for a comment or an empty line.
    peer: Option<KnownPeer>,
}

impl KnownLines {
    /// Reads all lines, or none; `path` is for the error.
    pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Self, KeysError> {
        let bad = |line: usize, why: String| KeysError::BadLine {
            path: path.into(),
            line,
            why: why.into(),
        };
        let text = std::str::from_utf8(bytes).map_err(|fault| {
            let (before, after) = bytes.split_at(fault.valid_up_to());
            let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
            bad(line, format!("expected UTF-8, got the byte {:#04x}", after[0]))
        })?;
        let (mut lines, mut relays) = (Vec::new(), Relays::default());
        let mut seen = HashMap::new();
        for (at, text) in text.split_inclusive('\n').enumerate() {
            if at == MAX_LINES {
                return Err(KeysError::TooLarge { path: path.into(), limit: LIMIT });
            }
            let peer = match text.trim_end_matches(['\n', '\r']) {
                "" => None,
                comment if comment.starts_with('#') => None,
                line => Some(relays.parse_line(line).map_err(|why| bad(at + 1, why))?),
            };
            if let Some(peer) = &peer
                && let Some(first) = seen.insert((peer.relay.clone(), peer.nick.clone()), at + 1)
            {
                let KnownPeer { relay, nick, .. } = peer;
                let why = format!(
                    "expected one key of {nick} at {relay}, got another in line {first} already"
                );
                return Err(bad(at + 1, why));
            }
            lines.push(Line { text: text.to_owned(), peer });
        }
        Ok(Self(lines))
    }

    /// As it is to be written; `None` where it has become too large.
    pub(super) fn encode(&self) -> Option<String> {
        let text: String = self.0.iter().map(|line| line.text.as_str()).collect();
        (self.0.len() <= MAX_LINES && text.len() as u64 <= MAX_BYTES).then_some(text)
    }

    /// Everyone who is known.
    pub(super) fn peers(&self) -> impl Iterator<Item = &KnownPeer> {
        self.0.iter().filter_map(|line| line.peer.as_ref())
    }

    /// Puts a line in the place of the one of this relay and nick, or behind all others.
    pub(super) fn put(&mut self, peer: KnownPeer) {
        let same = |line: &&mut Line| {
            let known = line.peer.as_ref();
            known.is_some_and(|known| known.relay == peer.relay && known.nick == peer.nick)
        };
        let (text, place) = (peer.line(), self.0.iter_mut().find(same));
        match place {
            Some(place) => *place = Line { text, peer: Some(peer) },
            None => {
                if self.0.is_empty() {
                    self.0.push(Line { text: HEADING.to_owned(), peer: None });
                }
                // A person may have left the last line without an end.
                if let Some(last) = self.0.last_mut()
                    && !last.text.ends_with('\n')
                {
                    last.text.push('\n');
                }
                self.0.push(Line { text, peer: Some(peer) });
            }
        }
    }

    /// Takes out those that `which` says.
    pub(super) fn take(&mut self, which: impl Fn(&KnownPeer) -> bool) -> Vec<KnownPeer> {
        let taken = self.0.extract_if(.., |line| line.peer.as_ref().is_some_and(&which));
        taken.filter_map(|line| line.peer).collect()
    }
}

/// The relay of the line before: most files name one over and over.
#[derive(Default)]
struct Relays(Option<String>);

impl Relays {
    fn parse_line(&mut self, line: &str) -> Result<KnownPeer, String> {
        let mut fields = line.split_whitespace();
        let mut next = || fields.next();
        let (Some(relay), Some(nick), Some(key), Some(since), None) =
            (next(), next(), next(), next(), next())
        else {
            return Err(format!("expected RELAY NICK KEY SINCE, got {}", Quoted(line)));
        };
        self.check(relay)?;
        Ok(KnownPeer {
            relay: relay.to_owned(),
            nick: Nick::parse(nick).map_err(|error| error.to_string())?,
            key: PublicKey::parse(key).map_err(|error| error.to_string())?,
            since: parse_date(since).ok_or_else(|| {
                format!("expected a date such as 2026-11-22, got {}", Quoted(since))
            })?,
        })
    }

    /// A relay that is written in another way would never be found.
    fn check(&mut self, relay: &str) -> Result<(), String> {
        if self.0.as_deref() == Some(relay) {
            return Ok(());
        }
        let address: RelayAddress =
            relay.parse().map_err(|expected| format!("{expected}, got {}", Quoted(relay)))?;
        let canonical = address.canonical();
        if canonical != relay {
            return Err(format!("expected {}, got {}", Quoted(&canonical), Quoted(relay)));
        }
        self.0 = Some(canonical);
        Ok(())
    }
}

fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let mut number = |digits: usize| -> Option<u16> {
        let part = parts.next().filter(|part| part.len() == digits)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(year.into(), month, u8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests;
