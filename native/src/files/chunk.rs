//! A part of a listing: files that are shared, and files that are not.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use xcher_core::{FileName, LeftOut, LeftOutReason, NameError, SharedFile, Size};

use super::{OpenError, Stat, wire_name};

/// A part of a listing.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Files that are shared.
    pub entries: Vec<Entry>,
    /// Files that exist and are not shared, for their owner.
    pub not_shared: Vec<NotShared>,
    /// Files that are shared under another name than they have here.
    pub escaped: Vec<EscapedName>,
    /// True if this is the last part.
    pub done: bool,
}

impl Chunk {
    /// Leaves out the file at `path`, which would be shared as `name`.
    pub(super) fn leave_out(&mut self, path: &Path, name: &str, why: NotSharedReason) {
        self.not_shared.push(NotShared { path: path.into(), name: wire_name::cut(name), why });
    }
}

/// A shared file, an empty folder, or a link.
#[derive(Debug)]
pub struct Entry {
    /// The name that a peer requests it by.
    pub name: FileName,
    /// Its size.
    pub size: Size,
    /// Its time, kind and permissions.
    pub stat: Stat,
}

impl From<Entry> for SharedFile {
    fn from(entry: Entry) -> Self {
        Self { name: entry.name, size: entry.size, stat: entry.stat.into() }
    }
}

/// A file that is shared under another name than it has on disk, because that one cannot be sent.
#[derive(Debug)]
pub struct EscapedName {
    /// Its path, beginning with the shared name.
    pub path: PathBuf,
    /// The name that it is shared under.
    pub name: FileName,
}

impl fmt::Display for EscapedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is sent as {}: its own name cannot be sent", self.path, self.name)
    }
}

/// A file that is not shared. Printing it is safe: the path is escaped.
#[derive(Debug)]
pub struct NotShared {
    /// Its path, beginning with the shared name.
    pub path: PathBuf,
    /// Its name as a peer would see it, cut if it is too long.
    name: Option<FileName>,
    /// The reason.
    pub why: NotSharedReason,
}

impl NotShared {
    /// Returns what is reported to a peer; nothing for a file that no longer exists.
    pub fn left_out(&self) -> Option<LeftOut> {
        if self.why.is_missing() {
            return None;
        }
        Some(LeftOut { name: self.name.clone()?, reason: self.why.left_out_reason() })
    }
}

impl fmt::Display for NotShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, why, .. } = self;
        match why {
            NotSharedReason::Hidden { dotted: 0, own: 1 } => {
                write!(f, "1 entry of {path:?} is not shared: {OWN} never are")
            }
            NotSharedReason::Hidden { dotted: 0, own } => {
                write!(f, "{own} entries of {path:?} are not shared: {OWN} never are")
            }
            NotSharedReason::Hidden { dotted, own } => {
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

/// Files that are never shared, whatever the rules.
const OWN: &str = "this program's own keys and settings";

/// The reason a file is not shared.
#[derive(Debug)]
pub enum NotSharedReason {
    /// Its name is not UTF-8, on a system that does not provide its bytes.
    NotText,
    /// Its name cannot be sent.
    InvalidName(NameError),
    /// A link, if the rules leave links out.
    Link,
    /// A link that leaves the shared folder, or an absolute one.
    LinkOut,
    /// A link to a folder that contains it.
    LinkAbove,
    /// A link without a target.
    DeadLink,
    /// A pipe, a socket or a device.
    Special,
    /// A file with other bytes than its size says.
    NoSize,
    /// A file with another size than a moment ago.
    Changed,
    /// Files in a share that are counted and not named.
    Hidden {
        /// Files whose names begin with a dot.
        dotted: u64,
        /// The program's own files.
        own: u64,
    },
    /// The system does not permit reading it, or it vanished.
    Unreadable(io::Error),
}

impl NotSharedReason {
    /// Returns the word for it on this host. Peers learn nothing of keys.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Hidden { dotted: 0, .. } => "own",
            why => why.left_out_reason().as_str(),
        }
    }

    /// Returns the reason that is reported to peers.
    pub fn left_out_reason(&self) -> LeftOutReason {
        match self {
            Self::NotText | Self::InvalidName(_) => LeftOutReason::Name,
            Self::Link | Self::LinkOut | Self::LinkAbove | Self::DeadLink => LeftOutReason::Link,
            Self::Special => LeftOutReason::Special,
            Self::Hidden { .. } => LeftOutReason::Hidden,
            Self::Changed => LeftOutReason::Changed,
            Self::Unreadable(_) if self.is_missing() => LeftOutReason::Changed,
            Self::Unreadable(_) | Self::NoSize => LeftOutReason::Unreadable,
        }
    }

    /// True if a peer misses a file because of it: not one that no longer exists.
    pub fn is_error(&self) -> bool {
        !self.is_missing() && self.left_out_reason().is_error()
    }

    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Unreadable(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

impl From<OpenError> for NotSharedReason {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NoSize => Self::NoSize,
            OpenError::Unreadable(source) => Self::Unreadable(source),
            OpenError::Changed { .. } => Self::Changed,
            OpenError::NotShared => Self::Unreadable(io::ErrorKind::NotFound.into()),
        }
    }
}

impl fmt::Display for NotSharedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText => write!(f, "its name is not UTF-8"),
            Self::InvalidName(why) => write!(f, "its name cannot be sent: {why}"),
            Self::Link => write!(f, "it is a link"),
            Self::LinkOut => write!(f, "it is a link that leaves the shared folder"),
            Self::LinkAbove => write!(f, "it is a link to a folder that contains it"),
            Self::DeadLink => write!(f, "it is a link without a target"),
            Self::Special => write!(f, "it is neither a file nor a folder"),
            Self::NoSize => write!(f, "the system does not report its size"),
            Self::Changed => write!(f, "it changed while it was listed"),
            Self::Hidden { dotted: 0, own } => write!(f, "{OWN}, {own} of them, are never shared"),
            Self::Hidden { dotted, own: 0 } => {
                write!(f, "{dotted} hidden files in it are not sent")
            }
            Self::Hidden { dotted, own } => {
                write!(
                    f,
                    "{dotted} hidden files in it are not sent; {OWN}, {own} of them, are never shared"
                )
            }
            Self::Unreadable(source) => write!(f, "{source}"),
        }
    }
}
