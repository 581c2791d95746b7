//! A piece of a listing: what is shared, and what is not.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use xcher_core::{FileName, LeftOut, LeftOutReason, NameError, SharedFile, Size};

use super::shares::OpenError;
use super::{Stat, wire_name};

/// A piece of a listing.
#[derive(Debug, Default)]
pub struct Chunk {
    /// What is shared.
    pub entries: Vec<Entry>,
    /// What is there and not shared, for its owner to know.
    pub skipped: Vec<Skipped>,
    /// What goes by another name than it has here.
    pub escaped: Vec<Escaped>,
    /// Nothing comes after this.
    pub done: bool,
}

impl Chunk {
    /// Leaves out what is at `path`, which would be called `name`.
    pub(super) fn skip(&mut self, path: &Path, name: &str, why: SkipReason) {
        self.skipped.push(Skipped { path: path.into(), name: wire_name::cut(name), why });
    }
}

/// A file that is shared, a folder with nothing in it, or a link.
#[derive(Debug)]
pub struct Entry {
    /// As a peer asks for it.
    pub name: FileName,
    /// Its size.
    pub size: Size,
    /// What it has beside them.
    pub stat: Stat,
}

impl From<Entry> for SharedFile {
    fn from(entry: Entry) -> Self {
        Self { name: entry.name, size: entry.size, stat: entry.stat.into() }
    }
}

/// Something that goes by another name than it has on disk, since that one cannot be sent.
#[derive(Debug)]
pub struct Escaped {
    /// Where it is, from the shared name on.
    pub path: PathBuf,
    /// Its name on the wire.
    pub name: FileName,
}

impl fmt::Display for Escaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} goes as {}: its own name cannot be sent", self.path, self.name)
    }
}

/// An entry that is not shared. Printing it is safe: the path is escaped.
#[derive(Debug)]
pub struct Skipped {
    /// As a peer would see it, from the shared name on.
    pub path: PathBuf,
    /// Its name on the wire, the beginning of it where it is too long.
    name: Option<FileName>,
    /// Why.
    pub why: SkipReason,
}

impl Skipped {
    /// What a peer is told of it; nothing of what is not there any more.
    pub fn left_out(&self) -> Option<LeftOut> {
        if self.why.is_gone() {
            return None;
        }
        Some(LeftOut { name: self.name.clone()?, reason: self.why.told() })
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, why, .. } = self;
        match why {
            SkipReason::Hidden { dotted: 0, own: 1 } => {
                write!(f, "1 entry of {path:?} is not shared: {OWN} never are")
            }
            SkipReason::Hidden { dotted: 0, own } => {
                write!(f, "{own} entries of {path:?} are not shared: {OWN} never are")
            }
            SkipReason::Hidden { dotted, own } => {
                match dotted {
                    1 => write!(f, "1 hidden entry of {path:?} is not shared")?,
                    _ => write!(f, "{dotted} hidden entries of {path:?} are not shared")?,
                }
                if *own > 0 { write!(f, "; {OWN} never are") } else { Ok(()) }
            }
            why => write!(f, "{path:?} is not shared: {why}"),
        }
    }
}

/// What is never shared, whatever the command line says.
const OWN: &str = "this program's own keys and settings";

/// Why an entry is not shared.
#[derive(Debug)]
pub enum SkipReason {
    /// Its name is not UTF-8, on a system that cannot say its bytes.
    NotText,
    /// Its name cannot stand on the wire.
    InvalidName(NameError),
    /// A link, where links are left out.
    Link,
    /// A link that leaves the shared folder, or an absolute one.
    LinkOut,
    /// A link to a folder that it is in.
    LinkAbove,
    /// A link to nothing.
    DeadLink,
    /// A pipe, a socket or a device.
    Special,
    /// A file that has other bytes than its size says.
    NoSize,
    /// It has another size than a moment ago.
    Changed,
    /// So many things have a dot in front of their names, and so many are the program's own.
    Hidden {
        /// The former.
        dotted: u64,
        /// The latter.
        own: u64,
    },
    /// The system does not let it be read, or it vanished.
    Unreadable(io::Error),
}

impl SkipReason {
    /// The word for it on this host. A peer does not hear of keys.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Hidden { dotted: 0, .. } => "own",
            why => why.told().as_str(),
        }
    }

    /// The word for it on the wire.
    pub fn told(&self) -> LeftOutReason {
        match self {
            Self::NotText | Self::InvalidName(_) => LeftOutReason::Name,
            Self::Link | Self::LinkOut | Self::LinkAbove | Self::DeadLink => LeftOutReason::Link,
            Self::Special => LeftOutReason::Special,
            Self::Hidden { .. } => LeftOutReason::Hidden,
            Self::Changed => LeftOutReason::Changed,
            Self::Unreadable(_) if self.is_gone() => LeftOutReason::Changed,
            Self::Unreadable(_) | Self::NoSize => LeftOutReason::Unreadable,
        }
    }

    /// Whether something is lost by it: what is not there any more is not.
    pub fn is_error(&self) -> bool {
        !self.is_gone() && self.told().is_error()
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Unreadable(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

impl From<OpenError> for SkipReason {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NoSize => Self::NoSize,
            OpenError::Unreadable(source) => Self::Unreadable(source),
            OpenError::Changed { .. } => Self::Changed,
            OpenError::NotShared => Self::Unreadable(io::ErrorKind::NotFound.into()),
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText => write!(f, "its name is not UTF-8"),
            Self::InvalidName(why) => write!(f, "its name cannot be sent: {why}"),
            Self::Link => write!(f, "it is a link; see --links"),
            Self::LinkOut => write!(f, "it is a link that leaves the shared folder"),
            Self::LinkAbove => write!(f, "it is a link to a folder that it is in"),
            Self::DeadLink => write!(f, "it is a link to nothing"),
            Self::Special => write!(f, "it is neither a file nor a folder"),
            Self::NoSize => write!(f, "it does not tell how many bytes it has"),
            Self::Changed => write!(f, "it changed while it was looked at"),
            Self::Hidden { dotted: 0, own } => write!(f, "{OWN}, {own} of them, are never shared"),
            Self::Hidden { dotted, own: 0 } => write!(f, "{dotted} of what is in it is hidden"),
            Self::Hidden { dotted, own } => {
                write!(
                    f,
                    "{dotted} of what is in it is hidden; {OWN}, {own} of them, are never shared"
                )
            }
            Self::Unreadable(source) => write!(f, "{source}"),
        }
    }
}
