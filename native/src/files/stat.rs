//! What a file has beside its name and its bytes.

use std::fs::File;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cap_std::fs::Metadata;
use xcher_core::Kind;

/// When a file was changed, what it is, and who may use it (section 16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stat {
    /// The time of the last change; `None` where it is not known.
    pub modified: Option<SystemTime>,
    /// Whether its owner may execute it. Never where the system has no such permission.
    pub executable: bool,
    /// What it is.
    pub kind: Kind,
    /// Whether its owner alone may use it. Never where the system has no such permission.
    pub private: bool,
}

impl From<Stat> for xcher_core::Stat {
    fn from(stat: Stat) -> Self {
        let seconds = |at: SystemTime| match at.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_secs()).ok(),
            Err(before) => i64::try_from(before.duration().as_secs()).ok().map(|before| -before),
        };
        let Stat { executable, kind, private, .. } = stat;
        Self { modified: stat.modified.and_then(seconds), kind, executable, private }
    }
}

/// A time that this system cannot say is none.
impl From<xcher_core::Stat> for Stat {
    fn from(stat: xcher_core::Stat) -> Self {
        let time = |seconds: i64| {
            let away = Duration::from_secs(seconds.unsigned_abs());
            if seconds < 0 { UNIX_EPOCH.checked_sub(away) } else { UNIX_EPOCH.checked_add(away) }
        };
        let xcher_core::Stat { executable, kind, private, .. } = stat;
        Self { modified: stat.modified.and_then(time), executable, kind, private }
    }
}

impl Stat {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok().map(cap_std::time::SystemTime::into_std);
        let kind = match () {
            () if metadata.is_dir() => Kind::Folder,
            () if metadata.is_symlink() => Kind::Link,
            () => Kind::File,
        };
        let executable = kind == Kind::File && is_executable(metadata);
        let private = kind != Kind::Link && is_private(metadata);
        Self { modified, executable, kind, private }
    }

    /// Gives them to a file that was just made.
    pub(super) fn apply(&self, file: &File) -> io::Result<()> {
        if self.private || self.executable {
            set_mode(file, *self)?;
        }
        self.modified.map_or(Ok(()), |at| file.set_modified(at))
    }
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use cap_std::fs::MetadataExt as _;
    metadata.mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    false
}

#[cfg(unix)]
fn is_private(metadata: &Metadata) -> bool {
    use cap_std::fs::MetadataExt as _;
    metadata.mode() & 0o077 == 0
}

#[cfg(not(unix))]
fn is_private(_: &Metadata) -> bool {
    false
}

/// A program is one for all who may read it. The umask has said who that is when the file was made.
#[cfg(unix)]
fn set_mode(file: &File, stat: Stat) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut permissions = file.metadata()?.permissions();
    let mut mode = permissions.mode() & if stat.private { 0o700 } else { 0o777 };
    if stat.executable {
        mode |= (mode & 0o444) >> 2;
    }
    permissions.set_mode(mode);
    file.set_permissions(permissions)
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: Stat) -> io::Result<()> {
    Ok(())
}
