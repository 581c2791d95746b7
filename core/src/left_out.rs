//! What a provider has and cannot include in a list or an offer (section 20).

use core::fmt;

use crate::FileName;

/// Something that is there and does not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name, where it has no other under its visible [escape](crate::escape); of hidden things that
    /// of the folder that was shared.
    pub name: FileName,
    /// Why.
    pub reason: LeftOutReason,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not come: {}", self.name, self.reason)
    }
}

/// Why something is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOutReason {
    /// The provider's system does not let it be read, or not as what it says that it is.
    Unreadable,
    /// It is a symbolic link.
    Link,
    /// It is a pipe, a socket or a device.
    Special,
    /// Its name is too long to be sent.
    Name,
    /// It changed or went while it was looked at.
    Changed,
    /// It is hidden, and was not asked for.
    Hidden,
    /// A word of a later version.
    Other,
}

impl LeftOutReason {
    const ALL: [Self; 6] =
        [Self::Unreadable, Self::Link, Self::Special, Self::Name, Self::Changed, Self::Hidden];

    /// The word on the wire, which stays the same.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Link => "link",
            Self::Special => "special",
            Self::Name => "name",
            Self::Changed => "changed",
            Self::Hidden => "hidden",
            Self::Other => "other",
        }
    }

    /// Reads a word of small letters; `None` for what is not a word.
    pub fn parse(word: &str) -> Option<Self> {
        let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        let known = Self::ALL.into_iter().find(|reason| reason.as_str() == word);
        is_word.then(|| known.unwrap_or(Self::Other))
    }

    /// Whether something is lost that the provider's user meant to send: a file, and not what is none or was
    /// left out by choice.
    pub fn is_error(self) -> bool {
        matches!(self, Self::Unreadable | Self::Name | Self::Changed)
    }
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "it cannot be read",
            Self::Link => "it is a link",
            Self::Special => "it is a pipe, a socket or a device",
            Self::Name => "its name is too long",
            Self::Changed => "it changed",
            Self::Hidden => "what is hidden in it is not shared",
            Self::Other => "it cannot be sent",
        })
    }
}
