//! What was asked for or offered, and is not fetched, or not removed: why.

use std::fmt;
use std::io;

use xcher_core::peer::SessionId;

use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;

/// Why something stays as it is.
#[derive(Debug)]
pub(crate) enum SkipReason {
    /// A file of that name is there, and is to stay.
    Exists,
    /// A file of that name is there, and should not be.
    Conflict,
    /// It would land on a dot-name in the receiving folder itself.
    Hidden,
    /// The other side does not share it.
    NotShared,
    /// The user does not want it.
    Declined,
    /// It was offered, and nobody can be asked whether it is wanted.
    Unasked,
    /// It was offered, among more than can be asked about.
    TooMany,
    /// The offer it is in does not fit on the disk: what is missing.
    NoRoom(String),
    /// The session ended first.
    Cut,
    /// There is no unfinished file of that name.
    Unknown,
    /// A transfer works on it.
    InUse,
    /// The system does not let it be removed.
    Unremovable(io::Error),
}

impl SkipReason {
    /// The word in `--json`.
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

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exists => "skipped, it is there already",
            Self::Conflict => "expected a free name, and it is there already",
            Self::Hidden => "not taken, it is a hidden name here: --hidden takes it",
            Self::NotShared => "it is not shared there",
            Self::Declined => "it is not wanted",
            Self::Unasked => "there is no terminal to ask on, and no --yes",
            Self::TooMany => "it is more than can be asked about at once",
            Self::NoRoom(what) => what,
            Self::Cut => "the session ended before it was asked for",
            Self::Unknown => "there is no unfinished file of that name",
            Self::InUse => "it is in use and stays",
            Self::Unremovable(error) => return write!(f, "it cannot be removed: {error}"),
        })
    }
}

impl Output {
    /// An event for what does not come in a session; `path` is what is in its way.
    pub(crate) fn skip(
        &self,
        session: SessionId,
        name: &str,
        path: Option<String>,
        why: &SkipReason,
    ) {
        self.skip_any(Some(session.0), name, path, why);
    }

    /// An event for an unfinished file that is not removed; `path` is where it is.
    pub(crate) fn skip_here(&self, name: &str, path: Option<String>, why: &SkipReason) {
        self.skip_any(None, name, path, why);
    }

    fn skip_any(&self, session: Option<u64>, name: &str, path: Option<String>, why: &SkipReason) {
        let (reason, text) = (why.as_str(), why.to_string());
        self.remember(self.json(&JsonEvent::Skipped { session, name, path, reason, text }));
    }
}
