//! A file's time, kind and permissions.

use std::fs::File;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cap_std::fs::Metadata;
use xcher_core::Kind;

/// A file's time, kind and permissions (section 16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stat {
    /// The time of the last change; `None` if unknown.
    pub modified: Option<SystemTime>,
    /// True if its owner may execute it. False on a system without that permission.
    pub executable: bool,
    /// Its kind.
    pub kind: Kind,
    /// True if only its owner may use it. False on a system without permissions.
    pub private: bool,
    /// True if its bytes are a message to the user (section 16.1).
    pub text: bool,
}

impl From<Stat> for xcher_core::Stat {
    fn from(stat: Stat) -> Self {
        let seconds = |at: SystemTime| match at.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_secs()).ok(),
            Err(before) => i64::try_from(before.duration().as_secs()).ok().map(|before| -before),
        };
        let Stat { executable, kind, private, text, .. } = stat;
        Self { modified: stat.modified.and_then(seconds), kind, executable, private, text }
    }
}

/// A time that this system cannot represent becomes `None`.
impl From<xcher_core::Stat> for Stat {
    fn from(stat: xcher_core::Stat) -> Self {
        let time = |seconds: i64| {
            let distance = Duration::from_secs(seconds.unsigned_abs());
            if seconds < 0 {
                UNIX_EPOCH.checked_sub(distance)
            } else {
                UNIX_EPOCH.checked_add(distance)
            }
        };
        let xcher_core::Stat { executable, kind, private, text, .. } = stat;
        Self { modified: stat.modified.and_then(time), executable, kind, private, text }
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
        Self { modified, executable, kind, private, text: false }
    }

    /// Applies them to a new file.
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

/// Makes a file executable for all who may read it, which the umask decided when the file was created.
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
