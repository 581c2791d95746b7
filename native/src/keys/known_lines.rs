//! The text of `known_peers`: a line for each key of a peer or a relay, with comments and empty lines kept as
//! the user left them.

use std::collections::HashMap;
use std::path::Path;

use time::{Date, Month, OffsetDateTime};
use xcher_core::secure::PublicKey;
use xcher_core::{Nick, Quoted};

use super::error::KeysError;
use super::relay_id::RelayId;

/// A pinned key: a line `RELAY NICK KEY SINCE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPeer {
    /// The relay.
    pub relay: RelayId,
    /// The peer's nick there.
    pub nick: Nick,
    /// The key that the peer proved.
    pub key: PublicKey,
    /// The day on which it was pinned, in UTC.
    pub since: Date,
}

/// The most lines of the file.
pub(super) const MAX_LINES: usize = 100_000;
/// The most bytes of the file.
pub(super) const MAX_BYTES: u64 = 16 << 20;
/// Both limits in words, for messages.
pub(super) const LIMIT: &str = "100,000 lines and 16 MiB";

const HEADING: &str =
    "# Known keys of peers: RELAY NICK KEY SINCE; of relays: ADDRESS / KEY SINCE\n";

/// Replaces the nick if the key is the relay's own. No nick contains it.
const RELAY_ITSELF: &str = "/";

impl KnownPeer {
    /// Creates the entry of a key that is pinned today.
    pub(super) fn today(relay: RelayId, nick: Nick, key: PublicKey) -> Self {
        Self { relay, nick, key, since: OffsetDateTime::now_utc().date() }
    }

    fn line(&self) -> String {
        let Self { relay, nick, key, since } = self;
        format!("{relay} {nick} {key} {since}\n")
    }
}

/// The key that the relay at an address first had: a line `ADDRESS / KEY SINCE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KnownRelay {
    /// The [canonical](crate::RelayAddress::canonical) address.
    pub(super) address: String,
    pub(super) key: PublicKey,
    pub(super) since: Date,
}

impl KnownRelay {
    pub(super) fn today(address: String, key: PublicKey) -> Self {
        Self { address, key, since: OffsetDateTime::now_utc().date() }
    }

    fn line(&self) -> String {
        let Self { address, key, since } = self;
        format!("{address} {RELAY_ITSELF} {key} {since}\n")
    }
}

/// The lines of the file, in their order.
#[derive(Debug, Default)]
pub(super) struct KnownLines(Vec<Line>);

#[derive(Debug)]
struct Line {
    /// The line with its end, if it has one.
    text: String,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// A comment, or an empty line.
    None,
    Peer(KnownPeer),
    Relay(KnownRelay),
}

impl Line {
    fn peer(&self) -> Option<&KnownPeer> {
        match &self.content {
            Content::Peer(peer) => Some(peer),
            _ => None,
        }
    }

    fn relay(&self) -> Option<&KnownRelay> {
        match &self.content {
            Content::Relay(relay) => Some(relay),
            _ => None,
        }
    }
}

impl KnownLines {
    /// Parses all lines, or none. `path` is for the error.
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
        let (mut lines, mut cache) = (Vec::new(), RelayCache::default());
        let mut seen = HashMap::new();
        for (at, text) in text.split_inclusive('\n').enumerate() {
            if at == MAX_LINES {
                return Err(KeysError::TooLarge { path: path.into(), limit: LIMIT });
            }
            let content = match text.trim_end_matches(['\n', '\r']) {
                "" => Content::None,
                comment if comment.starts_with('#') => Content::None,
                line => cache.parse_line(line).map_err(|why| bad(at + 1, why))?,
            };
            let (relay, nick) = match &content {
                Content::None => (None, RELAY_ITSELF.to_owned()),
                Content::Peer(peer) => (Some(peer.relay.to_string()), peer.nick.to_string()),
                Content::Relay(relay) => (Some(relay.address.clone()), RELAY_ITSELF.to_owned()),
            };
            if let Some(relay) = relay
                && let Some(first) = seen.insert((relay.clone(), nick.to_ascii_lowercase()), at + 1)
            {
                let why = format!(
                    "expected one key of {nick} at {relay}, got another in line {first} already"
                );
                return Err(bad(at + 1, why));
            }
            lines.push(Line { text: text.to_owned(), content });
        }
        Ok(Self(lines))
    }

    /// Returns the text to be written; `None` if it is too large.
    pub(super) fn encode(&self) -> Option<String> {
        let text: String = self.0.iter().map(|line| line.text.as_str()).collect();
        (self.0.len() <= MAX_LINES && text.len() as u64 <= MAX_BYTES).then_some(text)
    }

    /// Returns all known peers.
    pub(super) fn peers(&self) -> impl Iterator<Item = &KnownPeer> {
        self.0.iter().filter_map(Line::peer)
    }

    /// Returns all relays with known keys.
    pub(super) fn relays(&self) -> impl Iterator<Item = &KnownRelay> {
        self.0.iter().filter_map(Line::relay)
    }

    /// Returns the key that the relay at this address first had.
    pub(super) fn relay_key(&self, address: &str) -> Option<PublicKey> {
        self.relays().find(|relay| relay.address == address).map(|relay| relay.key)
    }

    /// Replaces the line of this relay and nick, or appends one.
    pub(super) fn put(&mut self, peer: KnownPeer) {
        let same = |line: &Line| {
            let known = line.peer();
            known.is_some_and(|known| {
                known.relay == peer.relay && known.nick.eq_ignore_case(&peer.nick)
            })
        };
        let at = self.0.iter().position(same);
        self.put_at(at, Line { text: peer.line(), content: Content::Peer(peer) });
    }

    /// Appends the key of the relay at an address that has none.
    pub(super) fn put_relay(&mut self, relay: KnownRelay) {
        self.put_at(None, Line { text: relay.line(), content: Content::Relay(relay) });
    }

    fn put_at(&mut self, at: Option<usize>, line: Line) {
        if let Some(at) = at {
            self.0[at] = line;
            return;
        }
        if self.0.is_empty() {
            self.0.push(Line { text: HEADING.to_owned(), content: Content::None });
        }
        // The user may have left the last line without an end.
        if let Some(last) = self.0.last_mut()
            && !last.text.ends_with('\n')
        {
            last.text.push('\n');
        }
        self.0.push(line);
    }

    /// Removes and returns the peers that `which` selects.
    pub(super) fn take(&mut self, which: impl Fn(&KnownPeer) -> bool) -> Vec<KnownPeer> {
        let taken = self.0.extract_if(.., |line| line.peer().is_some_and(&which));
        let peer = |line: Line| match line.content {
            Content::Peer(peer) => Some(peer),
            _ => None,
        };
        taken.filter_map(peer).collect()
    }

    /// Removes the relays whose addresses `which` selects. Returns true if there were any.
    pub(super) fn take_relays(&mut self, which: impl Fn(&str) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|line| line.relay().is_none_or(|relay| !which(&relay.address)));
        self.0.len() < before
    }
}

/// Caches the relay of the previous line: most files repeat one relay.
#[derive(Default)]
struct RelayCache(Option<(String, RelayId)>);

impl RelayCache {
    fn parse_line(&mut self, line: &str) -> Result<Content, String> {
        let mut fields = line.split_whitespace();
        let mut next = || fields.next();
        let (Some(relay), Some(nick), Some(key), Some(since), None) =
            (next(), next(), next(), next(), next())
        else {
            return Err(format!("expected RELAY NICK KEY SINCE, got {}", Quoted(line)));
        };
        let relay = self.read(relay)?;
        let nick = match nick {
            RELAY_ITSELF => None,
            nick => Some(Nick::parse(nick).map_err(|error| error.to_string())?),
        };
        let key = PublicKey::parse(key).map_err(|error| error.to_string())?;
        let since = parse_date(since)
            .ok_or_else(|| format!("expected a date such as 2026-11-22, got {}", Quoted(since)))?;
        match (nick, relay) {
            (Some(nick), relay) => Ok(Content::Peer(KnownPeer { relay, nick, key, since })),
            (None, RelayId::Address(address)) => {
                Ok(Content::Relay(KnownRelay { address, key, since }))
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
