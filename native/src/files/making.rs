//! Folders and links that come as files do, and are made once they are here (section 16).

use std::io;
use std::time::SystemTime;

use cap_fs_ext::{DirExt as _, SystemTimeSpec};
use cap_std::fs::{Dir, DirBuilder};
use xcher_core::FileName;

use super::partial::{Partial, StoreErrorKind, open_parent, sync_folder};
use super::{HERE, Inbox, OnConflict, Stat, is_own_place};

impl Inbox {
    /// Makes a private folder before anything can land in it, where nothing of its name is there. What fails
    /// here fails again when the folder has come, and is told then.
    pub fn make_private(&self, name: &FileName) {
        if is_own_place(name) || name.check_platform(HERE).is_err() {
            return;
        }
        if let Ok(parent) = open_parent(&self.shared.root, name) {
            let _ = parent.create_dir_with(name.last_part(), &builder(true));
        }
    }
}

impl Partial {
    /// Makes the folder of this name, which has no bytes; one that is there already is it.
    pub(super) fn make_folder(&self, stat: Option<Stat>) -> Result<FileName, StoreErrorKind> {
        if self.file.metadata().map_err(StoreErrorKind::System)?.len() > 0 {
            return Err(StoreErrorKind::FolderWithBytes);
        }
        let parent = self.open_parent()?;
        let builder = builder(stat.is_some_and(|stat| stat.private));
        let is_it = |last: &str| parent.symlink_metadata(last).is_ok_and(|found| found.is_dir());
        if is_it(self.name.last_part()) {
            return Ok(self.name.clone());
        }
        self.make(&parent, stat, &is_it, |last| parent.create_dir_with(last, &builder))
    }

    /// Makes the link of this name, whose target is what came.
    #[cfg(unix)]
    pub(super) fn make_link(&self, stat: Option<Stat>) -> Result<FileName, StoreErrorKind> {
        let target = self.read_target().map_err(StoreErrorKind::System)?;
        let stays =
            |target: &String| xcher_core::symlink_stays_inside(self.name.borrowed(), target);
        let target = target.filter(stays);
        let target = target.ok_or(StoreErrorKind::LinkLeaves)?;
        let parent = self.open_parent()?;
        let is_it = |last: &str| {
            let found = parent.read_link_contents(last);
            found.is_ok_and(|found| found.as_os_str() == target.as_str())
        };
        self.make(&parent, stat, &is_it, |last| parent.symlink(&target, last))
    }

    #[cfg(not(unix))]
    pub(super) fn make_link(&self, _: Option<Stat>) -> Result<FileName, StoreErrorKind> {
        Err(StoreErrorKind::NoLinks)
    }

    #[cfg(unix)]
    fn read_target(&self) -> io::Result<Option<String>> {
        use std::io::{Read as _, Seek as _};
        let mut file = &self.file;
        file.rewind()?;
        let mut target = Vec::new();
        file.take(xcher_core::MAX_LINK_LEN + 1).read_to_end(&mut target)?;
        Ok(String::from_utf8(target).ok())
    }

    fn make(
        &self,
        parent: &Dir,
        stat: Option<Stat>,
        is_it: &dyn Fn(&str) -> bool,
        create: impl Fn(&str) -> io::Result<()>,
    ) -> Result<FileName, StoreErrorKind> {
        let to = |name: &FileName| create(name.last_part());
        let name = match to(&self.name) {
            Ok(()) => self.name.clone(),
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(StoreErrorKind::System(error));
            }
            Err(_) if is_it(self.name.last_part()) => return Ok(self.name.clone()),
            Err(_) => match self.inbox.taking.on_conflict {
                OnConflict::Skip | OnConflict::Fail => return Err(StoreErrorKind::Exists),
                OnConflict::Overwrite => return Err(StoreErrorKind::NotAFile),
                OnConflict::Rename => self.first_free(to)?,
            },
        };
        if let Some(modified) = stat.and_then(|stat| stat.modified) {
            set_time(parent, name.last_part(), modified);
        }
        sync_folder(parent);
        Ok(name)
    }
}

/// A file system that keeps no such times can hold the rest all the same.
fn set_time(parent: &Dir, last: &str, modified: SystemTime) {
    let time = SystemTimeSpec::from(cap_std::time::SystemTime::from_std(modified));
    let _ = parent.set_symlink_times(last, None, Some(time));
}

#[cfg(unix)]
fn builder(private: bool) -> DirBuilder {
    use cap_std::fs::DirBuilderExt as _;
    let mut builder = DirBuilder::new();
    if private {
        builder.mode(0o700);
    }
    builder
}

#[cfg(not(unix))]
fn builder(_: bool) -> DirBuilder {
    DirBuilder::new()
}
