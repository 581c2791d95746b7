//! Files that are requested or offered but not fetched, and incomplete downloads that are not removed.

use std::fmt;
use std::io;

use xcher_core::peer::SessionId;

use super::json::JsonEvent;
use super::output::Output;

/// Reason for a file to be skipped.
#[derive(Debug)]
pub(crate) enum WhySkipped {
    /// A file of that name exists; `--on-conflict skip`.
    Exists,
    /// A file of that name exists; `--on-conflict fail`.
    Conflict,
    /// The file would be hidden at the top level of the folder.
    Hidden,
    /// The peer does not share it.
    NotShared,
    /// The user declined it.
    Declined,
    /// It was offered, and the user cannot be asked.
    Unasked,
    /// It was offered, beyond the number that the user can be asked about.
    TooMany,
    /// Its offer exceeds the free disk space, in words.
    NoRoom(String),
    /// The session ended before it was requested.
    Cut,
    /// There is no incomplete download of that name.
    Unknown,
    /// A transfer uses the incomplete download.
    InUse,
    /// The system refused to remove the incomplete download.
    Unremovable(io::Error),
}

impl WhySkipped {
    /// Returns the word in `--json`.
    fn as_str(&self) -> &'static str {
        match self {
            Self::Exists => "exists",
            Self::Conflict => "conflict",
            Self::Hidden => "hidden",
            Self::NotShared => "not-shared",
            Self::Declined => "declined",
            Self::Unasked => "unasked",
            Self::TooMany => "too-many",
            Self::NoRoom(_) => "no-room",
            Self::Cut => "cut",
            Self::Unknown => "unknown",
            Self::InUse => "in-use",
            Self::Unremovable(_) => "unremovable",
        }
    }
}

impl fmt::Display for WhySkipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exists => "skipped, it exists already",
            Self::Conflict => "it exists already; --on-conflict says what to do then",
            Self::Hidden => "not stored, it would be a hidden file here; --hidden stores it",
            Self::NotShared => "the peer does not share it",
            Self::Declined => "declined",
            Self::Unasked => "no terminal to ask on, and no --yes",
            Self::TooMany => "more than can be asked about at once",
            Self::NoRoom(text) => text,
            Self::Cut => "the session ended before it was requested",
            Self::Unknown => "no incomplete download has this name",
            Self::InUse => "it is in use and stays",
            Self::Unremovable(error) => return write!(f, "it cannot be removed: {error}"),
        })
    }
}

impl Output {
    /// Prints the event for a file of a session; `path` is the file in its way.
    pub(crate) fn skip(
        &self,
        session: SessionId,
        name: &str,
        path: Option<String>,
        why: &WhySkipped,
    ) {
        self.skip_any(Some(session.0), name, path, why);
    }

    /// Prints the event for an incomplete download at `path`.
    pub(crate) fn skip_here(&self, name: &str, path: Option<String>, why: &WhySkipped) {
        self.skip_any(None, name, path, why);
    }

    fn skip_any(&self, session: Option<u64>, name: &str, path: Option<String>, why: &WhySkipped) {
        let (reason, text) = (why.as_str(), why.to_string());
        self.remember(self.json(&JsonEvent::Skipped { session, name, path, reason, text }));
    }
}
