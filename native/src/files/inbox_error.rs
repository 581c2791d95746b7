//! Errors of receiving a file.

use std::fmt;
use std::io;
use std::path::PathBuf;

use xcher_core::{FileName, NameError, Quoted};

use super::{PARTIAL_FOLDER, StoreErrorKind};

/// The reason a file cannot be received.
#[derive(Debug)]
pub enum InboxError {
    /// The receiving folder cannot be opened or created.
    Folder {
        /// The path as given.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The name that a peer chose is in the folder of partial files.
    PartialFolder {
        /// The name.
        name: FileName,
    },
    /// This system reads the name as another one.
    InvalidName {
        /// The name.
        name: FileName,
        /// The fault of the name.
        why: NameError,
    },
    /// The name cannot be used below the folder.
    UnusableName {
        /// The name.
        name: FileName,
        /// The reason.
        why: StoreErrorKind,
    },
    /// The partial file cannot be created.
    Partial {
        /// The folder of partial files.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl fmt::Display for InboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { path, source } => write!(f, "cannot receive into {path:?}: {source}"),
            Self::PartialFolder { name } => {
                let name = Quoted(name.as_str());
                write!(f, "cannot receive {name}: {PARTIAL_FOLDER:?} holds partial files")
            }
            Self::InvalidName { name, why } => {
                let name = Quoted(name.as_str());
                write!(f, "cannot receive {name}: this system cannot store that name: {why}")
            }
            Self::UnusableName { name, why } => {
                write!(f, "cannot receive {}: {why}", Quoted(name.as_str()))
            }
            Self::Partial { path, source } => {
                write!(f, "cannot create a partial file in {path:?}: {source}")
            }
        }
    }
}

impl std::error::Error for InboxError {}
