//! Which of the things in a shared folder are shared.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What becomes of symbolic links in a shared folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Links {
    /// Leave them out, and say so
    #[default]
    Skip,
    /// Share what they lead to, as far as that is inside the same shared folder
    Follow,
    /// Share them as links, as far as they lead to something inside the same shared folder
    Keep,
}

/// How a folder is shared. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What becomes of links.
    pub links: Links,
    /// Whether what has a dot in front of its name is shared.
    pub hidden: bool,
    /// What is never shared.
    pub own: OwnPlaces,
}

impl Default for Rules {
    fn default() -> Self {
        Self { links: Links::Skip, hidden: true, own: OwnPlaces::default() }
    }
}

impl Rules {
    /// Whether something of this name is left out for its name.
    pub(super) fn hides(&self, name: &OsStr) -> bool {
        !self.hidden && is_dotted(name)
    }
}

fn is_dotted(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// A file or folder by its device and inode, however it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(u64, u64);

impl Id {
    pub(super) fn of(metadata: &cap_std::fs::Metadata) -> Self {
        use cap_fs_ext::MetadataExt as _;
        Self(metadata.dev(), metadata.ino())
    }
}

/// The program's own files and folders: its keys, and its configuration.
#[derive(Clone, Debug, Default)]
pub struct OwnPlaces {
    folders: Arc<[Id]>,
    /// Files, and what is not there yet: others may be put in their place at any time.
    paths: Arc<[PathBuf]>,
}

impl OwnPlaces {
    /// These files and folders, also where they are made later, and what lies in the folders.
    pub fn of(paths: &[PathBuf]) -> Self {
        let (mut folders, mut files) = (Vec::new(), Vec::new());
        for path in paths {
            match fs::read_dir(path) {
                Ok(entries) => {
                    folders.extend(id(path));
                    files.extend(entries.map_while(Result::ok).map(|entry| entry.path()));
                }
                Err(_) => files.push(path.clone()),
            }
        }
        Self { folders: folders.into(), paths: files.into() }
    }

    pub(super) fn has(&self, found: Id) -> bool {
        self.folders.contains(&found) || self.paths.iter().any(|path| id(path) == Some(found))
    }

    /// What they are now, for whoever asks about several in a row.
    pub(super) fn now(&self) -> Vec<Id> {
        self.folders.iter().copied().chain(self.paths.iter().filter_map(|path| id(path))).collect()
    }

    /// Whether the path is one of them, or in one.
    pub(super) fn hold(&self, path: &Path) -> bool {
        path.ancestors().any(|above| id(above).is_some_and(|id| self.has(id)))
    }
}

fn id(path: &Path) -> Option<Id> {
    let file = fs::metadata(path).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        Some(Id(file.dev(), file.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        let opened = cap_std::fs::Dir::open_ambient_dir(path, cap_std::ambient_authority());
        opened.and_then(|dir| dir.dir_metadata()).ok().map(|metadata| Id::of(&metadata))
    }
}
