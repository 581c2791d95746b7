//! Files that a provider leaves out of a listing or an offer (section 20).

use core::fmt;

use crate::FileName;

/// A file or folder that the provider leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name, in its visible [escape](crate::escape()) if it has no valid one; for hidden files, the name
    /// of the shared folder.
    pub name: FileName,
    /// The reason.
    pub reason: LeftOutReason,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} left out: {}", self.name, self.reason)
    }
}

/// The reason why a file is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LeftOutReason {
    /// The provider cannot read it, or it is not what its metadata says.
    Unreadable,
    /// It is a symbolic link.
    Link,
    /// It is a pipe, a socket or a device.
    Special,
    /// Its name is too long for the protocol.
    Name,
    /// It changed or disappeared while the provider read it.
    Changed,
    /// It is hidden, and the user did not share hidden files.
    Hidden,
    /// The reason of a later version.
    Other,
}

impl LeftOutReason {
    const ALL: [Self; 6] =
        [Self::Unreadable, Self::Link, Self::Special, Self::Name, Self::Changed, Self::Hidden];

    /// Returns the word on the wire, which is stable.
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

    /// Parses a word of lower-case letters; returns `None` for anything else.
    pub fn parse(word: &str) -> Option<Self> {
        let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        let known = Self::ALL.into_iter().find(|reason| reason.as_str() == word);
        is_word.then(|| known.unwrap_or(Self::Other))
    }

    /// Returns true if a file is lost that the provider's user meant to send, rather than one that is not a
    /// regular file or is left out by choice.
    pub fn is_error(self) -> bool {
        matches!(self, Self::Unreadable | Self::Name | Self::Changed)
    }
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "it cannot be read",
            Self::Link => "it is a symbolic link",
            Self::Special => "it is a pipe, socket or device",
            Self::Name => "its name is too long",
            Self::Changed => "it changed while being read",
            Self::Hidden => "hidden files in it are not shared",
            Self::Other => "it cannot be sent",
        })
    }
}
