//! Folders and links, which are transferred as files are and created once they have arrived (section 16).

use std::io;
use std::time::SystemTime;

use cap_fs_ext::{DirExt as _, SystemTimeSpec};
use cap_std::fs::{Dir, DirBuilder};
use xcher_core::FileName;

use super::parent_folder::{open_parent, sync_folder};
use super::{
    Inbox, OnConflict, Partial, Stat, StoreErrorKind, THIS_PLATFORM, is_in_partial_folder,
};

impl Inbox {
    /// Creates a private folder before a file can be stored in it, unless the name is in use. A failure
    /// repeats when the folder has arrived, and is reported then.
    pub fn make_private(&self, name: &FileName) {
        if is_in_partial_folder(name) || name.check_platform(THIS_PLATFORM).is_err() {
            return;
        }
        if let Ok(parent) = open_parent(&self.shared.root, name) {
            let _ = parent.create_dir_with(name.last_part(), &builder(true));
        }
    }
}

impl Partial {
    /// Creates the folder of this name, which has no bytes. An existing folder counts as created.
    pub(super) fn create_folder(&self, stat: Option<Stat>) -> Result<FileName, StoreErrorKind> {
        if self.file.metadata().map_err(StoreErrorKind::System)?.len() > 0 {
            return Err(StoreErrorKind::FolderWithBytes);
        }
        let parent = self.open_parent()?;
        let builder = builder(stat.is_some_and(|stat| stat.private));
        let exists = |last: &str| parent.symlink_metadata(last).is_ok_and(|found| found.is_dir());
        if exists(self.name.last_part()) {
            return Ok(self.name.clone());
        }
        self.create(&parent, stat, &exists, |last| parent.create_dir_with(last, &builder))
    }

    /// Creates the link of this name, whose target is the received bytes.
    #[cfg(unix)]
    pub(super) fn create_link(&self, stat: Option<Stat>) -> Result<FileName, StoreErrorKind> {
        let target = self.read_target().map_err(StoreErrorKind::System)?;
        let stays =
            |target: &String| xcher_core::symlink_stays_inside(self.name.borrowed(), target);
        let target = target.filter(stays);
        let target = target.ok_or(StoreErrorKind::LinkLeaves)?;
        let parent = self.open_parent()?;
        let exists = |last: &str| {
            let found = parent.read_link_contents(last);
            found.is_ok_and(|found| found.as_os_str() == target.as_str())
        };
        self.create(&parent, stat, &exists, |last| parent.symlink(&target, last))
    }

    #[cfg(not(unix))]
    pub(super) fn create_link(&self, _: Option<Stat>) -> Result<FileName, StoreErrorKind> {
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

    fn create(
        &self,
        parent: &Dir,
        stat: Option<Stat>,
        exists: &dyn Fn(&str) -> bool,
        create: impl Fn(&str) -> io::Result<()>,
    ) -> Result<FileName, StoreErrorKind> {
        let to = |name: &FileName| create(name.last_part());
        let name = match to(&self.name) {
            Ok(()) => self.name.clone(),
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(StoreErrorKind::System(error));
            }
            Err(_) if exists(self.name.last_part()) => return Ok(self.name.clone()),
            Err(_) => match self.inbox.options.on_conflict {
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

/// Sets the time as far as the file system supports it: without it the file is stored all the same.
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
