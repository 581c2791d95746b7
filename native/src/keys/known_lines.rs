//! The text of `known_peers`: a line for each key of a host or a relay, comments and empty lines as a
//! person left them.

use std::collections::HashMap;
use std::path::Path;

use time::{Date, Month, OffsetDateTime};
use xcher_core::secure::PublicKey;
use xcher_core::{Nick, Quoted};

use super::error::KeysError;
use super::relay_id::RelayId;

/// Whose key was first seen when: a line `RELAY NICK KEY SINCE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPeer {
    /// The relay.
    pub relay: RelayId,
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

const HEADING: &str =
    "# Whose keys this host knows: RELAY NICK KEY SINCE; of a relay: ADDRESS / KEY SINCE\n";

/// What stands in the place of a nick where the key is the relay's own: no nick has it.
const ITSELF: &str = "/";

impl KnownPeer {
    /// Someone whose key is pinned today.
    pub(super) fn today(relay: RelayId, nick: Nick, key: PublicKey) -> Self {
        Self { relay, nick, key, since: OffsetDateTime::now_utc().date() }
    }

    fn line(&self) -> String {
        let Self { relay, nick, key, since } = self;
        format!("{relay} {nick} {key} {since}\n")
    }
}

/// The key that the relay at an address had first: a line `ADDRESS / KEY SINCE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KnownRelay {
    /// As [`RelayAddress::canonical`](crate::RelayAddress::canonical) writes it.
    pub(super) address: String,
    pub(super) key: PublicKey,
    since: Date,
}

impl KnownRelay {
    pub(super) fn today(address: String, key: PublicKey) -> Self {
        Self { address, key, since: OffsetDateTime::now_utc().date() }
    }

    fn line(&self) -> String {
        let Self { address, key, since } = self;
        format!("{address} {ITSELF} {key} {since}\n")
    }
}

/// The lines of the file, in their order.
#[derive(Debug, Default)]
pub(super) struct KnownLines(Vec<Line>);

#[derive(Debug)]
struct Line {
    /// With its end, if it has one.
    text: String,
    says: Says,
}

#[derive(Debug)]
enum Says {
    /// A comment, or an empty line.
    Nothing,
    Peer(KnownPeer),
    Relay(KnownRelay),
}

impl Line {
    fn peer(&self) -> Option<&KnownPeer> {
        match &self.says {
            Says::Peer(peer) => Some(peer),
            _ => None,
        }
    }

    fn relay(&self) -> Option<&KnownRelay> {
        match &self.says {
            Says::Relay(relay) => Some(relay),
            _ => None,
        }
    }
}

impl KnownLines {
    /// Reads all lines, or none; `path` is for the error.
    pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Self, KeysError> {
        let bad = |line: usize, why: String| KeysError::BadLine {
            path: path.into(),
            line,
            why: why.into(),
        };
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let (before, after) = bytes.split_at(error.valid_up_to());
            let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
            bad(line, format!("expected UTF-8, got the byte {:#04x}", after[0]))
        })?;
        let (mut lines, mut relays) = (Vec::new(), Relays::default());
        let mut seen = HashMap::new();
        for (at, text) in text.split_inclusive('\n').enumerate() {
            if at == MAX_LINES {
                return Err(KeysError::TooLarge { path: path.into(), limit: LIMIT });
            }
            let says = match text.trim_end_matches(['\n', '\r']) {
                "" => Says::Nothing,
                comment if comment.starts_with('#') => Says::Nothing,
                line => relays.parse_line(line).map_err(|why| bad(at + 1, why))?,
            };
            let (relay, nick) = match &says {
                Says::Nothing => (None, ITSELF.to_owned()),
                Says::Peer(peer) => (Some(peer.relay.to_string()), peer.nick.to_string()),
                Says::Relay(relay) => (Some(relay.address.clone()), ITSELF.to_owned()),
            };
            if let Some(relay) = relay
                && let Some(first) = seen.insert((relay.clone(), nick.to_ascii_lowercase()), at + 1)
            {
                let why = format!(
                    "expected one key of {nick} at {relay}, got another in line {first} already"
                );
                return Err(bad(at + 1, why));
            }
            lines.push(Line { text: text.to_owned(), says });
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
        self.0.iter().filter_map(Line::peer)
    }

    /// Every relay whose key is known.
    pub(super) fn relays(&self) -> impl Iterator<Item = &KnownRelay> {
        self.0.iter().filter_map(Line::relay)
    }

    /// The key that the relay at this address had first.
    pub(super) fn relay_key(&self, address: &str) -> Option<PublicKey> {
        self.relays().find(|relay| relay.address == address).map(|relay| relay.key)
    }

    /// Puts a line in the place of the one of this relay and nick, or behind all others.
    pub(super) fn put(&mut self, peer: KnownPeer) {
        let same = |line: &Line| {
            let known = line.peer();
            known.is_some_and(|known| {
                known.relay == peer.relay && known.nick.eq_ignore_case(&peer.nick)
            })
        };
        let place = self.0.iter().position(same);
        self.put_at(place, Line { text: peer.line(), says: Says::Peer(peer) });
    }

    /// Puts the key of the relay at an address that has none yet.
    pub(super) fn put_relay(&mut self, relay: KnownRelay) {
        self.put_at(None, Line { text: relay.line(), says: Says::Relay(relay) });
    }

    fn put_at(&mut self, place: Option<usize>, line: Line) {
        if let Some(place) = place {
            self.0[place] = line;
            return;
        }
        if self.0.is_empty() {
            self.0.push(Line { text: HEADING.to_owned(), says: Says::Nothing });
        }
        // A person may have left the last line without an end.
        if let Some(last) = self.0.last_mut()
            && !last.text.ends_with('\n')
        {
            last.text.push('\n');
        }
        self.0.push(line);
    }

    /// Takes out those that `which` says.
    pub(super) fn take(&mut self, which: impl Fn(&KnownPeer) -> bool) -> Vec<KnownPeer> {
        let taken = self.0.extract_if(.., |line| line.peer().is_some_and(&which));
        let peer = |line: Line| match line.says {
            Says::Peer(peer) => Some(peer),
            _ => None,
        };
        taken.filter_map(peer).collect()
    }

    /// Takes out the relays that `which` says by their addresses; returns whether there were any.
    pub(super) fn take_relays(&mut self, which: impl Fn(&str) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|line| line.relay().is_none_or(|relay| !which(&relay.address)));
        self.0.len() < before
    }
}

/// The relay of the line before, as it stands there: most files name one over and over.
#[derive(Default)]
struct Relays(Option<(String, RelayId)>);

impl Relays {
    fn parse_line(&mut self, line: &str) -> Result<Says, String> {
        let mut fields = line.split_whitespace();
        let mut next = || fields.next();
        let (Some(relay), Some(nick), Some(key), Some(since), None) =
            (next(), next(), next(), next(), next())
        else {
            return Err(format!("expected RELAY NICK KEY SINCE, got {}", Quoted(line)));
        };
        let relay = self.read(relay)?;
        let nick = match nick {
            ITSELF => None,
            nick => Some(Nick::parse(nick).map_err(|error| error.to_string())?),
        };
        let key = PublicKey::parse(key).map_err(|error| error.to_string())?;
        let since = parse_date(since)
            .ok_or_else(|| format!("expected a date such as 2026-11-22, got {}", Quoted(since)))?;
        match (nick, relay) {
            (Some(nick), relay) => Ok(Says::Peer(KnownPeer { relay, nick, key, since })),
            (None, RelayId::Address(address)) => {
                Ok(Says::Relay(KnownRelay { address, key, since }))
            }
            (None, RelayId::Key(_)) => {
                Err(format!("expected ADDRESS / KEY SINCE, got {}", Quoted(line)))
            }
        }
    }

    fn read(&mut self, text: &str) -> Result<RelayId, String> {
        if let Some((last, id)) = &self.0
            && last == text
        {
            return Ok(id.clone());
        }
        let id: RelayId = text.parse()?;
        self.0 = Some((text.to_owned(), id.clone()));
        Ok(id)
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
