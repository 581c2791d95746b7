//! The folder of the keys.

use std::path::{Path, PathBuf};
use std::{fs, io};

use etcetera::BaseStrategy as _;

use super::error::{KeysError, Unsafe};

/// Where the platform keeps data of a user: `$XDG_DATA_HOME/xcher` or `~/.local/share/xcher` on
/// Unix. `None` where there is no home.
pub fn usual_folder() -> Option<PathBuf> {
    let places = etcetera::choose_base_strategy().ok()?;
    Some(places.data_dir().join("xcher"))
}

/// Creates the folder, for its user alone, if it is missing.
pub(super) fn make(folder: &Path) -> Result<(), KeysError> {
    if check(folder)? {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(KeysError::system("create the folder", folder))?;
    // Another process may have made it in another way.
    if check(folder)? {
        return Ok(());
    }
    Err(KeysError::system("create the folder", folder)(io::ErrorKind::NotFound.into()))
}

/// Whether the folder is there. One in which others could swap a file is refused.
pub(super) fn check(folder: &Path) -> Result<bool, KeysError> {
    let metadata = match fs::metadata(folder) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(KeysError::system("open the folder", folder)(error)),
    };
    let why = if metadata.is_dir() { loose(&metadata) } else { Some(Unsafe::NotAFolder) };
    why.map_or(Ok(true), |why| Err(KeysError::Unsafe { path: folder.into(), why }))
}

/// Why others could change what is in the folder. The system's own user can in any case.
#[cfg(unix)]
fn loose(metadata: &fs::Metadata) -> Option<Unsafe> {
    use std::os::unix::fs::MetadataExt as _;
    let (expected, got) = (rustix::process::geteuid().as_raw(), metadata.uid());
    if got != expected && got != 0 {
        return Some(Unsafe::Owner { expected, got });
    }
    let mode = metadata.mode() & 0o7777;
    (mode & 0o022 != 0).then_some(Unsafe::Mode { allowed: 0o700, got: mode })
}

#[cfg(not(unix))]
fn loose(_: &fs::Metadata) -> Option<Unsafe> {
    None
}
