//! Which of the things in a shared folder are shared.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What becomes of symbolic links in a shared folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug)]
pub(super) struct Id {
    device: u64,
    inode: u64,
    /// Whether it is a file that has other names, too.
    linked: bool,
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

impl Id {
    pub(super) fn of(metadata: &cap_std::fs::Metadata) -> Self {
        use cap_fs_ext::MetadataExt as _;
        let linked = metadata.is_file() && metadata.nlink() > 1;
        Self { device: metadata.dev(), inode: metadata.ino(), linked }
    }
}

/// The program's own files and folders: its keys, and its configuration.
#[derive(Clone, Debug, Default)]
pub struct OwnPlaces {
    /// Those folders that were there at first.
    folders: Arc<[Id]>,
    /// All of them. Others may be put in their place at any time.
    places: Arc<[PathBuf]>,
}

impl OwnPlaces {
    /// These files and folders, also where they are made later, and what lies in the folders.
    pub fn of(places: &[PathBuf]) -> Self {
        let folders = places.iter().filter(|place| place.is_dir()).filter_map(|place| id(place));
        Self { folders: folders.collect(), places: places.into() }
    }

    pub(super) fn has(&self, found: Id) -> bool {
        self.now(found).contains(&found)
    }

    /// What they are now, for whoever asks about `found` and the folders it is in. Where that has no other
    /// name, it lies in a folder of theirs only if it is found there.
    pub(super) fn now(&self, found: Id) -> Vec<Id> {
        let places = self.places.iter().filter_map(|place| id(place));
        let linked = self.places.iter().filter(|_| found.linked).flat_map(fs::read_dir);
        let linked = linked.flatten().filter_map(|entry| id(&entry.ok()?.path()));
        self.folders.iter().copied().chain(places).chain(linked).collect()
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
        let linked = file.is_file() && file.nlink() > 1;
        Some(Id { device: file.dev(), inode: file.ino(), linked })
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        let opened = cap_std::fs::Dir::open_ambient_dir(path, cap_std::ambient_authority());
        opened.and_then(|dir| dir.dir_metadata()).ok().map(|metadata| Id::of(&metadata))
    }
}
