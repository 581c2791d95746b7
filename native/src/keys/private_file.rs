//! Files that only their user can change: checked when read, and written completely or not at all.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::error::{KeysError, Unsafe};

/// The widest permissions and the largest size that a file may have.
pub(crate) struct Bounds {
    /// Permissions.
    pub(crate) mode: u32,
    /// Bytes.
    pub(crate) bytes: u64,
    /// The size limit in words, for messages.
    pub(crate) limit: &'static str,
}

/// Reads the complete file; `None` if it does not exist. Does not follow links, and does not wait for a pipe.
pub(crate) fn read(path: &Path, bounds: &Bounds) -> Result<Option<Zeroizing<Vec<u8>>>, KeysError> {
    let file = match open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if is_link(&error) => {
            return Err(KeysError::Unsafe { path: path.into(), why: Unsafe::Link });
        }
        Err(error) => return Err(KeysError::system("open", path)(error)),
    };
    let reading = || KeysError::system("read", path);
    let metadata = file.metadata().map_err(reading())?;
    let why =
        if metadata.is_file() { fault_of(&metadata, bounds.mode) } else { Some(Unsafe::NotAFile) };
    if let Some(why) = why {
        return Err(KeysError::Unsafe { path: path.into(), why });
    }
    // Allocated at full size at once, so that no part of a secret stays in memory that a growing vector
    // left.
    let expected = usize::try_from(metadata.len().min(bounds.bytes)).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(expected + 1));
    file.take(bounds.bytes + 1).read_to_end(&mut bytes).map_err(reading())?;
    if bytes.len() as u64 > bounds.bytes {
        return Err(KeysError::TooLarge { path: path.into(), limit: bounds.limit });
    }
    Ok(Some(bytes))
}

/// Writes a new file and syncs it. Returns `false`, and changes nothing, if its name exists.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> Result<bool, KeysError> {
    match write_temporary(path, bytes, tempfile::Builder::new().prefix(".new-"))?
        .persist_noclobber(path)
    {
        Ok(_) => {
            sync_folder(path);
            Ok(true)
        }
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(KeysError::system("create", path)(error.error)),
    }
}

/// Replaces a file atomically and syncs it. The caller must hold the lock.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), KeysError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    // One fixed name, so that files left by killed processes do not pile up.
    match fs::remove_file(path.with_file_name(&name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(KeysError::system("write", path)(error));
        }
        _ => {}
    }
    let persisted =
        write_temporary(path, bytes, tempfile::Builder::new().prefix(&name).rand_bytes(0))?
            .persist(path);
    persisted.map_err(|error| KeysError::system("replace", path)(error.error))?;
    sync_folder(path);
    Ok(())
}

/// Writes the bytes under another name in the same folder, with mode 0600 from the start.
fn write_temporary(
    path: &Path,
    bytes: &[u8],
    name: &tempfile::Builder<'_, '_>,
) -> Result<NamedTempFile, KeysError> {
    let write = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = name.tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    write().map_err(KeysError::system("write", path))
}

/// Makes a name survive a power failure, where the file system can.
fn sync_folder(path: &Path) {
    if cfg!(unix)
        && let Some(folder) = path.parent()
    {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}

/// Opens for reading without following a link and without waiting for the other end of a pipe.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// True for the errors that systems return for a link that must not be followed.
#[cfg(unix)]
fn is_link(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::LOOP | Errno::MLINK))
}

#[cfg(unix)]
fn fault_of(metadata: &fs::Metadata, allowed: u32) -> Option<Unsafe> {
    use std::os::unix::fs::MetadataExt as _;
    let (expected, got) = (rustix::process::geteuid().as_raw(), metadata.uid());
    if got != expected {
        return Some(Unsafe::Owner { expected, got });
    }
    let mode = metadata.mode() & 0o7777;
    (mode & !allowed != 0).then_some(Unsafe::Mode { allowed, got: mode })
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(not(unix))]
fn is_link(_: &io::Error) -> bool {
    false
}

#[cfg(not(unix))]
fn fault_of(_: &fs::Metadata, _: u32) -> Option<Unsafe> {
    None
}
