//! Errors of storing a received file.

use std::fmt;
use std::io;

use cap_std::fs::Dir;
use xcher_core::{FileName, Quoted};

use super::KeptPartial;

/// A complete file that could not be stored under its name.
#[derive(Debug)]
pub struct StoreError {
    /// The requested name.
    pub name: FileName,
    /// The reason.
    pub why: StoreErrorKind,
    /// The partial file that has its bytes; `None` if it was empty.
    pub kept: Option<KeptPartial>,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot store {}: {}", Quoted(self.name.as_str()), self.why)?;
        match &self.kept {
            Some(kept) => write!(f, "; its {} bytes are in {:?}", kept.bytes, kept.path),
            None => Ok(()),
        }
    }
}

impl std::error::Error for StoreError {}

/// The reason a name cannot be used.
#[derive(Debug)]
pub enum StoreErrorKind {
    /// The name is in use, and must not be replaced.
    Exists,
    /// A folder, link or device is to be overwritten.
    NotAFile,
    /// A folder in the name exists as something else.
    ParentIsFile {
        /// Its name, below the receiving folder.
        parent: Box<str>,
    },
    /// A folder in the name is a link, which is not followed.
    ParentIsLink {
        /// Its name, below the receiving folder.
        parent: Box<str>,
    },
    /// An empty folder arrived with bytes.
    FolderWithBytes,
    /// A link leads, or may lead, out of the folder that it arrived in.
    LinkLeaves,
    /// This system does not support links.
    NoLinks,
    /// The system's error.
    System(io::Error),
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => write!(f, "a file or folder of that name already exists"),
            Self::NotAFile => write!(f, "a folder, link or device cannot be overwritten"),
            Self::ParentIsFile { parent } => write!(f, "{} is not a folder", Quoted(parent)),
            Self::ParentIsLink { parent } => {
                write!(f, "{} is a link, and links are not followed", Quoted(parent))
            }
            Self::FolderWithBytes => write!(f, "expected an empty folder, got bytes"),
            Self::LinkLeaves => write!(f, "it is a link out of the folder that it arrived in"),
            Self::NoLinks => write!(f, "this system does not support links"),
            Self::System(source) => write!(f, "{source}"),
        }
    }
}

impl StoreErrorKind {
    /// Returns why the folder `parent`, which is `part` of `folder`, cannot be used.
    pub(super) fn of_parent(folder: &Dir, part: &str, parent: &str, error: io::Error) -> Self {
        let parent = parent.into();
        match folder.symlink_metadata(part) {
            Ok(found) if found.is_symlink() => Self::ParentIsLink { parent },
            Ok(found) if !found.is_dir() => Self::ParentIsFile { parent },
            _ => Self::System(error),
        }
    }
}
