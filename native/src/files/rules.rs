//! The rules for which contents of a shared folder are shared.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Exclude;

/// The handling of symbolic links in a shared folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Links {
    /// Leave them out, and report it
    #[default]
    Skip,
    /// Share their targets, if those are inside the same shared folder
    Follow,
    /// Share them as links, if their targets are inside the same shared folder
    Keep,
}

/// The rules for sharing a folder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The handling of links.
    pub links: Links,
    /// True if files are shared whose names begin with a dot.
    pub hidden: bool,
    /// Files and folders that are never shared.
    pub own: OwnFiles,
    /// Further files that are left out.
    pub excluded: Option<Arc<dyn Exclude>>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { links: Links::Skip, hidden: true, own: OwnFiles::default(), excluded: None }
    }
}

impl Rules {
    /// True if a file is left out because of its name.
    pub(super) fn hides(&self, name: &OsStr) -> bool {
        !self.hidden && name.as_encoded_bytes().starts_with(b".")
    }
}

/// Identifies a file or folder by its device and inode, by whatever path it is reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
    /// True if it is a file with several hard links.
    is_linked: bool,
}

impl PartialEq for FileId {
    fn eq(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

impl FileId {
    pub(super) fn of(metadata: &cap_std::fs::Metadata) -> Self {
        use cap_fs_ext::MetadataExt as _;
        let is_linked = metadata.is_file() && metadata.nlink() > 1;
        Self { device: metadata.dev(), inode: metadata.ino(), is_linked }
    }
}

/// The program's own files and folders: its keys and its configuration.
#[derive(Clone, Debug, Default)]
pub struct OwnFiles {
    /// The folders that existed at first.
    folders: Arc<[FileId]>,
    /// All of them. They may be replaced at any time.
    paths: Arc<[PathBuf]>,
}

impl OwnFiles {
    /// Protects these files and folders, even if they are created later, and the contents of the folders.
    pub fn of(paths: &[PathBuf]) -> Self {
        let folders = paths.iter().filter(|path| path.is_dir()).filter_map(|path| file_id(path));
        Self { folders: folders.collect(), paths: paths.into() }
    }

    pub(super) fn contains(&self, found: FileId) -> bool {
        self.current(found).contains(&found)
    }

    /// Returns the current ids of own files, to compare with `found` and the folders it is in. The contents
    /// of own folders are included only if `found` has several hard links: one with a single link is
    /// found in its folder.
    pub(super) fn current(&self, found: FileId) -> Vec<FileId> {
        let paths = self.paths.iter().filter_map(|path| file_id(path));
        let contents = self.paths.iter().filter(|_| found.is_linked).flat_map(fs::read_dir);
        let contents = contents.flatten().filter_map(|entry| file_id(&entry.ok()?.path()));
        self.folders.iter().copied().chain(paths).chain(contents).collect()
    }

    /// True if the path is one of them, or in one.
    pub(super) fn contains_path(&self, path: &Path) -> bool {
        path.ancestors().any(|above| file_id(above).is_some_and(|id| self.contains(id)))
    }
}

fn file_id(path: &Path) -> Option<FileId> {
    let file = fs::metadata(path).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let is_linked = file.is_file() && file.nlink() > 1;
        Some(FileId { device: file.dev(), inode: file.ino(), is_linked })
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        let opened = cap_std::fs::Dir::open_ambient_dir(path, cap_std::ambient_authority());
        opened.and_then(|dir| dir.dir_metadata()).ok().map(|metadata| FileId::of(&metadata))
    }
}
