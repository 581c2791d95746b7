//! Files that nobody but their user may change: read with care, written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::error::{KeysError, Unsafe};

/// What a file may be at most.
pub(super) struct Bounds {
    /// The permissions.
    pub(super) mode: u32,
    /// The bytes.
    pub(super) bytes: u64,
    /// How a file that is too large is told what it should be.
    pub(super) limit: &'static str,
}

/// All of the file; `None` where there is none. Links are not followed, and nothing is waited for.
pub(super) fn read(path: &Path, most: &Bounds) -> Result<Option<Zeroizing<Vec<u8>>>, KeysError> {
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
    let why = if metadata.is_file() { loose(&metadata, most.mode) } else { Some(Unsafe::NotAFile) };
    if let Some(why) = why {
        return Err(KeysError::Unsafe { path: path.into(), why });
    }
    // As large as it is said to be from the start, so that no part of a secret stays behind in
    // memory that was grown out of.
    let expected = usize::try_from(metadata.len().min(most.bytes)).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(expected + 1));
    file.take(most.bytes + 1).read_to_end(&mut bytes).map_err(reading())?;
    if bytes.len() as u64 > most.bytes {
        return Err(KeysError::TooLarge { path: path.into(), limit: most.limit });
    }
    Ok(Some(bytes))
}

/// Writes a file that lasts. `false`, and nothing changed, where one of its name is there already.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<bool, KeysError> {
    match written(path, bytes, tempfile::Builder::new().prefix(".new-"))?.persist_noclobber(path) {
        Ok(_) => {
            sync_folder(path);
            Ok(true)
        }
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(KeysError::system("create", path)(error.error)),
    }
}

/// Puts a file that lasts in the place of what is there. At no moment is there half of it. The
/// caller sees to it that nobody else does so meanwhile.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), KeysError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    // What a process left that was killed here would otherwise pile up under ever new names.
    match fs::remove_file(path.with_file_name(&name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(KeysError::system("write", path)(error));
        }
        _ => {}
    }
    let persisted =
        written(path, bytes, tempfile::Builder::new().prefix(&name).rand_bytes(0))?.persist(path);
    persisted.map_err(|error| KeysError::system("replace", path)(error.error))?;
    sync_folder(path);
    Ok(())
}

/// The bytes on disk, under another name in the same folder. It has mode 0600 from the start.
fn written(
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

/// Makes a name last through a power cut, where the file system can.
fn sync_folder(path: &Path) {
    if cfg!(unix)
        && let Some(folder) = path.parent()
    {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}

/// Opens for reading, no link and without waiting for the other end of a pipe.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// What systems say of a link that is not to be followed.
#[cfg(unix)]
fn is_link(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::LOOP | Errno::MLINK))
}

#[cfg(unix)]
fn loose(metadata: &fs::Metadata, allowed: u32) -> Option<Unsafe> {
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
fn loose(_: &fs::Metadata, _: u32) -> Option<Unsafe> {
    None
}
