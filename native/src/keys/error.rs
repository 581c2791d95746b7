//! Errors of the files of keys.

use std::fmt;
use std::io;
use std::path::PathBuf;

use xcher_core::Nick;
use xcher_core::secure::PublicKey;

/// The reason a key cannot be loaded or stored. It never shows a secret.
#[derive(Debug)]
pub enum KeysError {
    /// The system refused an action.
    System {
        /// The action, as a verb: "cannot create …".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The system provides no random bytes for a key.
    NoRandomness {
        /// The system's error.
        source: getrandom::Error,
    },
    /// Other users could read or change the file or the folder, or it is of another kind.
    Unsafe {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        why: Unsafe,
    },
    /// The file of the secret key does not contain one.
    BadIdentity {
        /// The file.
        path: PathBuf,
    },
    /// A line of the file of known peers is invalid.
    BadLine {
        /// The file.
        path: PathBuf,
        /// Its number, from 1.
        line: usize,
        /// The expected text and the actual one, escaped and cut.
        why: Box<str>,
    },
    /// The file is larger than this program would make it.
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in words.
        limit: &'static str,
    },
    /// Another key of this nick is pinned at this relay.
    OtherKey {
        /// The nick.
        nick: Nick,
        /// The relay, as written in the file.
        relay: String,
        /// The pinned key.
        pinned: PublicKey,
    },
    /// Another process has locked the file for too long.
    Busy {
        /// The lock file.
        path: PathBuf,
    },
}

/// The fault of a file or folder that only its user should be able to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsafe {
    /// It is a link, whose target other users may control.
    Link,
    /// It is not a regular file.
    NotAFile,
    /// It is not a folder.
    NotAFolder,
    /// It belongs to another user.
    Owner {
        /// The id of the user that this process runs as.
        expected: u32,
        /// The id of its owner.
        got: u32,
    },
    /// Its permissions give access to other users.
    Mode {
        /// The widest permissions allowed.
        allowed: u32,
        /// Its permissions.
        got: u32,
    },
}

impl KeysError {
    pub(crate) fn system(
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
                write!(f, "cannot create a key: the system provides no random bytes: {source}")
            }
            Self::Unsafe { path, why } => {
                match why {
                    Unsafe::Link => write!(
                        f,
                        "{path:?} is a symbolic link, whose target other users may control: put the \
                         file itself there"
                    )?,
                    Unsafe::NotAFile => write!(f, "{path:?} is not a regular file: move it away")?,
                    Unsafe::NotAFolder => write!(f, "{path:?} is not a folder: move it away")?,
                    Unsafe::Owner { expected, got } => write!(
                        f,
                        "{path:?} belongs to user {got}, not to user {expected}: run as user {got}"
                    )?,
                    Unsafe::Mode { allowed, got } => write!(
                        f,
                        "{path:?} has permissions {got:04o}, and more than {allowed:04o} is unsafe: \
                         find out who had access, then chmod {allowed:03o} it"
                    )?,
                }
                f.write_str(", or keep keys in another folder")
            }
            Self::BadIdentity { path } => write!(
                f,
                "{path:?} does not contain a secret key (one line of 44 characters in base64): restore \
                 it from a copy, or move it away for a new key, about which peers will be warned"
            ),
            Self::BadLine { path, line, why } => {
                write!(f, "{path:?}, line {line}: {why}: correct the line, or remove it")
            }
            Self::TooLarge { path, limit } => {
                write!(f, "{path:?} is too large: it may have at most {limit}")
            }
            Self::OtherKey { nick, relay, pinned } => {
                write!(f, "another key is pinned for {nick} at {relay}: {pinned}")
            }
            Self::Busy { path } => write!(
                f,
                "another process has held the lock {path:?} for more than 10 s: stop it, then try again"
            ),
        }
    }
}

impl std::error::Error for KeysError {}
