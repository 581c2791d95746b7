//! What is wrong with a file of keys.

use std::fmt;
use std::io;
use std::path::PathBuf;

use xcher_core::Nick;
use xcher_core::secure::PublicKey;

/// Why a key is not to be had, or not to be kept. It never shows a secret.
#[derive(Debug)]
pub enum KeysError {
    /// The system refused something.
    System {
        /// What was to be done, as a verb: "cannot create …".
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system has no randomness to make a key from.
    NoRandomness {
        /// What it said.
        source: getrandom::Error,
    },
    /// Others could read or change the file or the folder, or it is none.
    Unsafe {
        /// Which.
        path: PathBuf,
        /// Why.
        why: Unsafe,
    },
    /// The file of the secret key holds none.
    BadIdentity {
        /// The file.
        path: PathBuf,
    },
    /// A line of the file of known peers says nothing.
    BadLine {
        /// The file.
        path: PathBuf,
        /// Its number, from 1.
        line: usize,
        /// What was expected and what is there, escaped and cut.
        why: Box<str>,
    },
    /// A file larger than it can become by itself.
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in words.
        limit: &'static str,
    },
    /// Another key of this nick is pinned at this relay.
    OtherKey {
        /// Whose.
        nick: Nick,
        /// The relay, as it is written in the file.
        relay: String,
        /// The key that is pinned.
        pinned: PublicKey,
    },
    /// Another process holds the file for too long.
    Busy {
        /// The lock.
        path: PathBuf,
    },
}

/// What is not as it should be with a file or folder that only its user may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsafe {
    /// It is a link, and where that leads others may decide.
    Link,
    /// It is something else than a file.
    NotAFile,
    /// It is something else than a folder.
    NotAFolder,
    /// It belongs to another user.
    Owner {
        /// The number of the user that this process runs as.
        expected: u32,
        /// The number of the user whose it is.
        got: u32,
    },
    /// Its permissions let others in.
    Mode {
        /// The most that is allowed.
        allowed: u32,
        /// What it has.
        got: u32,
    },
}

impl KeysError {
    pub(super) fn system(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::System { doing, path, source }
    }
}

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System { doing, path, source } => write!(f, "cannot {doing} {path:?}: {source}"),
            Self::NoRandomness { source } => {
                write!(f, "cannot make a key: the system gives no random bytes: {source}")
            }
            Self::Unsafe { path, why } => {
                let remedy = "or choose another folder with --data-dir";
                match why {
                    Unsafe::Link => write!(
                        f,
                        "expected a regular file at {path:?}, got a symbolic link: put the file in \
                         its place, {remedy}"
                    ),
                    Unsafe::NotAFile => write!(
                        f,
                        "expected a regular file at {path:?}, got something else: move it away, \
                         {remedy}"
                    ),
                    Unsafe::NotAFolder => write!(
                        f,
                        "expected a folder at {path:?}, got something else: move it away, {remedy}"
                    ),
                    Unsafe::Owner { expected, got } => write!(
                        f,
                        "expected {path:?} to belong to user {expected}, got user {got}: run as \
                         that user, {remedy}"
                    ),
                    Unsafe::Mode { allowed, got } => write!(
                        f,
                        "expected permissions of at most {allowed:04o} for {path:?}, got {got:04o}: \
                         see who had it, and then chmod {allowed:03o} it, {remedy}"
                    ),
                }
            }
            Self::BadIdentity { path } => write!(
                f,
                "expected one line with a key of 44 characters in base64 in {path:?}, got something \
                 else: put back a copy, or move it away for a new key, which others will be warned \
                 of"
            ),
            Self::BadLine { path, line, why } => {
                write!(f, "{path:?}, line {line}: {why}: put the line right, or remove it")
            }
            Self::TooLarge { path, limit } => {
                write!(f, "expected at most {limit} in {path:?}, got more")
            }
            Self::OtherKey { nick, relay, pinned } => write!(
                f,
                "expected the key of {nick} at {relay} that is pinned, {pinned}, got another"
            ),
            Self::Busy { path } => write!(
                f,
                "expected to be the only one with {path:?} within 10 s, got another process that \
                 holds it"
            ),
        }
    }
}

impl std::error::Error for KeysError {}
