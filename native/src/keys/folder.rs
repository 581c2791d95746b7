//! The folder of keys.

use std::path::{Path, PathBuf};
use std::{fs, io};

use etcetera::BaseStrategy as _;

use super::error::{KeysError, Unsafe};

/// Returns the platform's folder for a user's data: `$XDG_DATA_HOME/xcher` or `~/.local/share/xcher` on
/// Unix; `None` if the user has no home.
pub fn usual_folder() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.data_dir().join("xcher"))
}

/// Creates the folder, accessible to its user alone, if it is missing.
pub(crate) fn create(folder: &Path) -> Result<(), KeysError> {
    if check(folder)? {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(KeysError::system("create the folder", folder))?;
    // Another process may have created it with other permissions.
    if check(folder)? {
        return Ok(());
    }
    Err(KeysError::system("create the folder", folder)(io::ErrorKind::NotFound.into()))
}

/// Returns true if the folder exists. One in which other users could swap a file is refused.
pub(crate) fn check(folder: &Path) -> Result<bool, KeysError> {
    let metadata = match fs::metadata(folder) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(KeysError::system("open the folder", folder)(error)),
    };
    let why = if metadata.is_dir() { fault_of(&metadata) } else { Some(Unsafe::NotAFolder) };
    why.map_or(Ok(true), |why| Err(KeysError::Unsafe { path: folder.into(), why }))
}

/// Returns why other users could change the folder's contents. The root user always can.
#[cfg(unix)]
fn fault_of(metadata: &fs::Metadata) -> Option<Unsafe> {
    use std::os::unix::fs::MetadataExt as _;
    let (expected, got) = (rustix::process::geteuid().as_raw(), metadata.uid());
    if got != expected && got != 0 {
        return Some(Unsafe::Owner { expected, got });
    }
    let mode = metadata.mode() & 0o7777;
    (mode & 0o022 != 0).then_some(Unsafe::Mode { allowed: 0o700, got: mode })
}

#[cfg(not(unix))]
fn fault_of(_: &fs::Metadata) -> Option<Unsafe> {
    None
}
