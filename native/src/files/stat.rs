//! What a file has beside its name and its bytes.

use std::fs::File;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cap_std::fs::Metadata;

/// When a file was changed, and whether it is a program (section 16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stat {
    /// The time of the last change; `None` where it is not known.
    pub modified: Option<SystemTime>,
    /// Whether its owner may execute it. Never where the system has no such permission.
    pub executable: bool,
}

impl From<Stat> for xcher_core::Stat {
    fn from(stat: Stat) -> Self {
        let seconds = |at: SystemTime| match at.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_secs()).ok(),
            Err(before) => i64::try_from(before.duration().as_secs()).ok().map(|before| -before),
        };
        Self { modified: stat.modified.and_then(seconds), executable: stat.executable }
    }
}

/// A time that this system cannot say is none.
impl From<xcher_core::Stat> for Stat {
    fn from(stat: xcher_core::Stat) -> Self {
        let time = |seconds: i64| {
            let away = Duration::from_secs(seconds.unsigned_abs());
            if seconds < 0 { UNIX_EPOCH.checked_sub(away) } else { UNIX_EPOCH.checked_add(away) }
        };
        Self { modified: stat.modified.and_then(time), executable: stat.executable }
    }
}

impl Stat {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok().map(cap_std::time::SystemTime::into_std);
        Self { modified, executable: is_executable(metadata) }
    }

    /// Gives them to a file that was just made.
    pub(super) fn apply(&self, file: &File) -> io::Result<()> {
        if self.executable {
            make_executable(file)?;
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

/// For all who may read it. The umask has said who that is when the file was made.
#[cfg(unix)]
fn make_executable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut permissions = file.metadata()?.permissions();
    let mode = permissions.mode() & 0o777;
    permissions.set_mode(mode | (mode & 0o444) >> 2);
    file.set_permissions(permissions)
}

#[cfg(not(unix))]
fn make_executable(_: &File) -> io::Result<()> {
    Ok(())
}
