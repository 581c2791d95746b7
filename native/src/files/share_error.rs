//! Errors of sharing a path.

use std::fmt;
use std::io;
use std::path::PathBuf;

use xcher_core::{FileName, NameError, Quoted};

/// The reason a path cannot be shared.
#[derive(Debug)]
pub enum ShareError {
    /// The path does not exist.
    Missing {
        /// The path as given.
        path: PathBuf,
    },
    /// The system does not permit reading it.
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A pipe, a socket or a device.
    Special {
        /// The path as given.
        path: PathBuf,
    },
    /// Its name is not UTF-8.
    NotText {
        /// The path as given.
        path: PathBuf,
    },
    /// Its name cannot be sent.
    InvalidName {
        /// The path as given.
        path: PathBuf,
        /// The fault of the name.
        why: NameError,
    },
    /// It is the folder of partial files.
    PartialFolder {
        /// The path as given.
        path: PathBuf,
    },
    /// It belongs to the program itself: keys, configuration.
    Own {
        /// The path as given.
        path: PathBuf,
    },
    /// A file that has bytes and no size, as those of `/proc`.
    NoSize {
        /// The path as given.
        path: PathBuf,
    },
    /// `/` together with other paths: its content has no prefix of its own.
    NoName {
        /// The path as given.
        path: PathBuf,
    },
    /// Two paths would be shared under one name.
    SameName {
        /// The name.
        name: Box<str>,
        /// The first path as given.
        first: PathBuf,
        /// The second path as given.
        second: PathBuf,
    },
    /// Another shared path has the pipe's name.
    PipeName {
        /// The name.
        name: FileName,
    },
}

impl fmt::Display for ShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path } => write!(f, "cannot share {path:?}: no such file or folder"),
            Self::Unreadable { path, source } => write!(f, "cannot share {path:?}: {source}"),
            Self::Special { path } => {
                write!(f, "cannot share {path:?}: it is a pipe, socket or device")
            }
            Self::NotText { path } => {
                write!(f, "cannot share {path:?}: its name is not UTF-8; rename it")
            }
            Self::InvalidName { path, why } => {
                write!(f, "cannot share {path:?}: its name cannot be sent: {why}")
            }
            Self::PartialFolder { path } => {
                write!(f, "cannot share {path:?}: it is the folder of partial files")
            }
            Self::Own { path } => {
                write!(f, "cannot share {path:?}: this program keeps its keys or settings there")
            }
            Self::NoSize { path } => write!(
                f,
                "cannot share {path:?}: the system does not report its size; \
                 send its content through a pipe instead"
            ),
            Self::NoName { path } => {
                write!(f, "cannot share {path:?} with other paths: it has no name of its own")
            }
            Self::SameName { name, first, second } => {
                write!(f, "{first:?} and {second:?} would both be shared as {name:?}; rename one")
            }
            Self::PipeName { name } => {
                let name = Quoted(name.as_str());
                write!(f, "cannot share the piped input as {name}: another path has that name")
            }
        }
    }
}

impl std::error::Error for ShareError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            _ => None,
        }
    }
}
