//! One shared path: a file, or a folder with what is in it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path, PathBuf};

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::{Dir, Metadata, OpenOptions};
use xcher_core::{FileName, Kind, symlink_stays_inside};

use super::rules::FileId;
use super::{Links, OpenError, Rules, Stat, leaves_root};

#[derive(Debug)]
pub(super) struct Share {
    /// The path as the user gave it.
    pub(super) given: PathBuf,
    /// Its own name on disk; empty for the root of the file system.
    pub(super) own_name: OsString,
    /// The shared folder, or the folder that holds the shared file.
    pub(super) root: Dir,
    /// The shared file's name in `root`.
    pub(super) file: Option<OsString>,
    pub(super) rules: Rules,
}

/// A file, folder or link that is shared.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) size: u64,
    pub(super) stat: Stat,
    /// True if it occupies blocks on a disk.
    pub(super) has_blocks: bool,
    /// Its path below the root, without a link on the way.
    pub(super) real: PathBuf,
}

impl Share {
    /// Returns what is at `path`, if it is shared.
    pub(super) fn find(&self, path: &Path, name: &FileName) -> Option<Found> {
        if self.file.is_some() {
            // A link that replaced a single file could lead to a neighbour that is not shared.
            let found = self.root.symlink_metadata(path).ok()?;
            if self.excludes_itself() {
                return None;
            }
            let is_shared = found.is_file() && !self.rules.own.contains(FileId::of(&found));
            return is_shared.then(|| Found {
                size: found.len(),
                stat: Stat::of(&found),
                has_blocks: has_blocks(&found),
                real: path.into(),
            });
        }
        let real = match self.rules.links {
            Links::Follow => {
                self.check_hidden(path)?;
                self.root.canonicalize(path).ok()?
            }
            Links::Skip | Links::Keep => path.into(),
        };
        self.check_hidden(&real)?;
        let found = self.root.symlink_metadata(&real).ok()?;
        let own = self.rules.own.current(FileId::of(&found));
        let mut is_private = false;
        // Files behind a link to a folder are not listed, so they are not found either.
        for folder in real.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
            let above = self.root.symlink_metadata(folder).ok()?;
            if !above.is_dir() || own.contains(&FileId::of(&above)) {
                return None;
            }
            is_private |= Stat::of(&above).private;
        }
        if own.contains(&FileId::of(&found)) || self.is_request_excluded(path, &real, &found) {
            return None;
        }
        let mut stat = Stat::of(&found);
        stat.private |= is_private && stat.kind != Kind::Link;
        let size = match stat.kind {
            Kind::File if found.is_file() => found.len(),
            Kind::File => return None,
            Kind::Folder => 0,
            Kind::Link => self.link_target(&real, name)?.len() as u64,
        };
        Some(Found { size, stat, has_blocks: has_blocks(&found), real })
    }

    /// Returns `None` if a part of the path is hidden.
    fn check_hidden(&self, path: &Path) -> Option<()> {
        let is_hidden = |part: Component<'_>| match part {
            Component::Normal(part) => self.rules.hides(part),
            _ => false,
        };
        (!path.components().any(is_hidden)).then_some(())
    }

    /// Returns the target of a link that is shared as a link.
    pub(super) fn link_target(&self, path: &Path, name: &FileName) -> Option<String> {
        if self.rules.links != Links::Keep {
            return None;
        }
        let target =
            self.root.read_link_contents(path).ok()?.into_os_string().into_string().ok()?;
        symlink_stays_inside(name.borrowed(), &target).then_some(target)
    }

    pub(super) fn open_file(&self, path: &Path, size: u64) -> Result<(File, Stat), OpenError> {
        let mut options = OpenOptions::new();
        options.read(true).follow(FollowSymlinks::No).nonblock(true);
        let opened = self.root.open_with(path, &options).and_then(|file| {
            let metadata = file.metadata()?;
            Ok((file.into_std(), metadata))
        });
        match opened {
            Ok((_, metadata)) if self.rules.own.contains(FileId::of(&metadata)) => {
                Err(OpenError::NotShared)
            }
            Ok((file, metadata)) if metadata.is_file() => match metadata.len() {
                got if got != size => Err(OpenError::Changed { expected: size, got }),
                _ if ends_at_its_size(&file, size)? => Ok((file, Stat::of(&metadata))),
                _ => Err(OpenError::NoSize),
            },
            Ok(_) => Err(OpenError::NotShared),
            Err(error) if leaves_root(&error) || is_missing(&error) => Err(OpenError::NotShared),
            Err(error) => Err(OpenError::Unreadable(error)),
        }
    }

    /// Checks that a file of this size can be read, without reading it. One without blocks on a disk is
    /// opened: it may be a virtual file of the system's, with other bytes than its size.
    pub(super) fn check_readable(
        &self,
        path: &Path,
        size: u64,
        has_blocks: bool,
    ) -> Result<(), OpenError> {
        match has_blocks {
            false => self.open_file(path, size).map(drop),
            true => self.check_access(path).map_err(OpenError::Unreadable),
        }
    }

    /// Checks that the system permits reading a file, without opening it.
    #[cfg(unix)]
    fn check_access(&self, path: &Path) -> io::Result<()> {
        use rustix::fs::{Access, AtFlags, accessat};
        Ok(accessat(&self.root, path, Access::READ_OK, AtFlags::EACCESS)?)
    }

    #[cfg(not(unix))]
    fn check_access(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// True if a file ends where its size says. Virtual files of the system's often have bytes and no size, or
/// the size of a page and fewer bytes.
fn ends_at_its_size(mut file: &File, size: u64) -> Result<bool, OpenError> {
    let mut read = || {
        file.seek(SeekFrom::Start(size.saturating_sub(1)))?;
        let got = file.read(&mut [0])?;
        file.rewind()?;
        Ok(got as u64 == size.min(1))
    };
    read().map_err(OpenError::Unreadable)
}

/// True if a file occupies blocks on a disk, unlike virtual files of the system's.
#[cfg(unix)]
pub(super) fn has_blocks(found: &Metadata) -> bool {
    cap_std::fs::MetadataExt::blocks(found) > 0
}

#[cfg(not(unix))]
pub(super) fn has_blocks(found: &Metadata) -> bool {
    found.len() > 0
}

/// True if the file was removed, or replaced by a link, since it was found.
fn is_missing(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        return true;
    }
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
