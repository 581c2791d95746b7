//! Extensions between a host and its relay: the words of their X_CAPS (section 5.3).

#[cfg(feature = "relay")]
use alloc::string::String;

/// A set of words. An extension is in force if both sides name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RelayCaps(u16);

/// All known words, in the order in which they are written.
const WORDS: [(&str, RelayCaps); 10] = [
    ("from", RelayCaps::FROM),
    ("key", RelayCaps::KEY),
    ("ticket", RelayCaps::TICKET),
    ("near", RelayCaps::NEAR),
    ("meet", RelayCaps::MEET),
    ("move", RelayCaps::MOVE),
    ("page", RelayCaps::PAGE),
    ("path", RelayCaps::PATH),
    ("token", RelayCaps::TOKEN),
    ("decline", RelayCaps::DECLINE),
];

impl RelayCaps {
    /// The relay names the caller with X_FROM.
    pub(crate) const FROM: Self = Self(1);
    /// Both prove their keys (section 5.6).
    pub(crate) const KEY: Self = Self(1 << 1);
    /// Callees present tickets to callers (section 5.5).
    pub(crate) const TICKET: Self = Self(1 << 2);
    /// Hosts behind one NAT connect in their network (section 5.7).
    pub(crate) const NEAR: Self = Self(1 << 3);
    /// Hosts behind different NATs connect by hole punching (section 5.8).
    pub(crate) const MEET: Self = Self(1 << 4);
    /// The relay asks hosts to connect anew before it stops (section 5.9).
    pub(crate) const MOVE: Self = Self(1 << 5);
    /// The list of nicks has pages (section 5.10).
    pub(crate) const PAGE: Self = Self(1 << 6);
    /// Callers tell the path by which they reached their callees (section 5.12).
    pub(crate) const PATH: Self = Self(1 << 7);
    /// The relay knows users by their tokens (section 5.11).
    pub(crate) const TOKEN: Self = Self(1 << 8);
    /// Callees tell that they decline a call (section 5.13).
    pub(crate) const DECLINE: Self = Self(1 << 9);

    /// Parses the known words and ignores others.
    pub(crate) fn parse(words: &str) -> Self {
        words.split(' ').fold(Self::default(), |caps, said| {
            let known = WORDS.iter().find(|(word, _)| *word == said);
            known.map_or(caps, |(_, one)| caps.with(*one))
        })
    }

    /// Returns the union with `other`.
    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the words that are not in `other`.
    #[cfg(feature = "relay")]
    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns true if this set contains every word of `other`.
    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns true if the relay must answer: for every word but `from`, which is older than the answer.
    #[cfg(feature = "relay")]
    pub(crate) fn wants_answer(self) -> bool {
        self.0 & !Self::FROM.0 != 0
    }

    /// Returns the fields of an X_CAPS.
    #[cfg(feature = "relay")]
    pub(crate) fn words(self) -> String {
        let mut words = String::new();
        for (word, _) in WORDS.iter().filter(|(_, one)| self.has(*one)) {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(word);
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip_and_unknown_words_are_ignored() {
        let both = RelayCaps::FROM.with(RelayCaps::KEY);
        assert_eq!(both.words(), "from key");
        assert_eq!(RelayCaps::parse("key  of from Key x"), both);
        assert_eq!(RelayCaps::parse(""), RelayCaps::default());
        assert!(both.wants_answer() && !RelayCaps::parse("from x").wants_answer());
    }
}
