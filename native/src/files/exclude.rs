//! Files that the user leaves out of what is shared.

use std::fmt::Debug;
use std::path::Path;

/// A path in a share, as it is spelled on disk.
#[derive(Clone, Copy, Debug)]
pub struct SharedPath<'a> {
    /// The shared folder's or file's own name; empty for the root of the file system.
    pub share: &'a Path,
    /// The path below the shared folder; empty for the folder itself, and for a file shared by itself.
    pub below: &'a Path,
    /// True for a folder.
    pub is_folder: bool,
}

/// Decides which files are neither listed nor sent, and not reported as left out.
pub trait Exclude: Debug + Send + Sync {
    /// Returns true if a file or folder is excluded, by itself or with a folder that contains it.
    fn excludes(&self, path: SharedPath<'_>, case: Case) -> bool;
}

/// The comparison of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// `a` differs from `A`.
    Sensitive,
    /// `a` and `A` are alike, as in folders where either opens the same file.
    Insensitive,
}
