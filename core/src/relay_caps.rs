//! What a host and its relay can do beyond section 5.1: the words of X_CAPS between them (section 5.3).

#[cfg(feature = "relay")]
use alloc::string::String;

/// A set of words. What both sides name is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RelayCaps(u8);

/// All words that this crate knows, in the order in which they are written.
const WORDS: [(&str, RelayCaps); 3] =
    [("from", RelayCaps::FROM), ("key", RelayCaps::KEY), ("ticket", RelayCaps::TICKET)];

impl RelayCaps {
    /// The relay says who calls.
    pub(crate) const FROM: Self = Self(1);
    /// Both prove who they are.
    pub(crate) const KEY: Self = Self(1 << 1);
    /// Callers are shown that who comes is who was called.
    pub(crate) const TICKET: Self = Self(1 << 2);

    /// The words that are known. Others mean nothing.
    pub(crate) fn parse(words: &str) -> Self {
        words.split(' ').fold(Self::default(), |caps, said| {
            let known = WORDS.iter().find(|(word, _)| *word == said);
            known.map_or(caps, |(_, one)| caps.with(*one))
        })
    }

    /// These and the words of `other`.
    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether each word of `other` is among these.
    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is a word that the other side answers: each but `from`, which was there before
    /// relays answered.
    #[cfg(feature = "relay")]
    pub(crate) fn wants_answer(self) -> bool {
        self.0 & !Self::FROM.0 != 0
    }

    /// The fields of an X_CAPS.
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
    fn words_are_read_as_they_are_written_and_others_passed_over() {
        let both = RelayCaps::FROM.with(RelayCaps::KEY);
        assert_eq!(both.words(), "from key");
        assert_eq!(RelayCaps::parse("key  of from Key x"), both);
        assert_eq!(RelayCaps::parse(""), RelayCaps::default());
        assert!(both.wants_answer() && !RelayCaps::parse("from x").wants_answer());
    }
}
