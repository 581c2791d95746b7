//! A partial file on the disk: creates it, or finds it again.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::time::SystemTime;

use cap_fs_ext::{DirExt as _, FollowSymlinks, OpenOptionsFollowExt as _, OpenOptionsSyncExt as _};
use cap_std::fs::{Dir, DirBuilder, Metadata, OpenOptions};
use xcher_core::FileName;

use super::partial_name::{random_name, resumable_name, state_name};
use super::partial_state::{MAX_STATE_LEN, PartialState, StateFile};
use super::{PARTIAL_FOLDER, ResumeKey};

/// A partial file's location. As long as the file is open it is locked: no other process resumes, expires or
/// removes it. The system releases the lock with the process, however that ends.
#[derive(Debug)]
pub(super) struct Location {
    pub(super) folder: Dir,
    pub(super) name: String,
}

/// A partial file that was kept.
#[derive(Debug)]
pub struct KeptPartial {
    /// Its path.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
}

/// Attempts to create a name, or to lock a file that another process is about to store or remove.
const MAX_ATTEMPTS: u32 = 1_000;

impl Location {
    /// Creates a file that is never resumed.
    pub(super) fn create_unique(root: &Dir, last_part: &str) -> io::Result<(Self, File)> {
        // Another process may choose the same number, or remove the folder when it ends.
        retry(|| Self::try_create_unique(root, random_name(last_part)))
    }

    fn try_create_unique(root: &Dir, name: String) -> io::Result<(Self, File)> {
        let folder = open_folder(root)?;
        let file = open_new(&folder, &name)?;
        // On a file system without locks it has none: no other process looks for it.
        let is_taken = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
        check_new(&folder, &name, &file)?;
        if is_taken {
            // Another process that inspects the folder was faster.
            let _ = folder.remove_file(&name);
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok((Self { folder, name }, file))
    }

    /// Opens the partial file of this key, positioned at its end, or creates it. Returns `None` if it is in
    /// use, or if another kind of file has its name or that of its state.
    ///
    /// The bytes are not verified. They were not synced while they arrived, so that after a crash of the
    /// machine its end may contain anything: the caller compares hashes before it resumes.
    pub(super) fn open_resumable(
        root: &Dir,
        name: &FileName,
        key: &ResumeKey,
    ) -> Option<(Self, File, u64)> {
        // An error that matters repeats for a new file.
        retry(|| Self::try_open_resumable(root, name, key)).ok().flatten()
    }

    fn try_open_resumable(
        root: &Dir,
        name: &FileName,
        key: &ResumeKey,
    ) -> io::Result<Option<(Self, File, u64)>> {
        let location = Self { folder: open_folder(root)?, name: resumable_name(name, key) };
        let folder = &location.folder;
        let (file, is_new) = match folder.symlink_metadata(&location.name) {
            Ok(found) if is_plain(folder, &found)? => {
                (open(folder, &location.name, OpenOptions::new().read(true).write(true))?, false)
            }
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (create(folder, &location.name)?, true)
            }
            Err(error) => return Err(error),
        };
        match claim(folder, &location.name, &file) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => {
                if is_new && error.kind() != io::ErrorKind::NotFound {
                    let _ = folder.remove_file(&location.name);
                }
                return Err(error);
            }
        }
        let mut bytes = file.metadata()?.len();
        // This also proves the owner of the folder, before a byte is written to the file that was found.
        let written = location.write_state(name, key);
        if !matches!(written, Ok(true)) {
            if bytes == 0 {
                let _ = folder.remove_file(&location.name);
            }
            return written.map(|_| None);
        }
        if bytes > key.size {
            file.set_len(0)?;
            bytes = 0;
        }
        (&file).seek(SeekFrom::Start(bytes))?;
        Ok(Some((location, file, bytes)))
    }

    /// Writes the state file beside the partial file. Returns false if its name is in use.
    fn write_state(&self, name: &FileName, key: &ResumeKey) -> io::Result<bool> {
        let Some(state) = state_name(&self.name) else { return Ok(false) };
        let started = self.state().map_or_else(SystemTime::now, |state| state.started);
        match self.folder.symlink_metadata(&state) {
            Ok(found) if is_plain(&self.folder, &found)? => self.folder.remove_file(&state)?,
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut file = create(&self.folder, &state)?;
        let text = serde_json::to_vec(&StateFile::new(name, key, started))?;
        if file.write_all(&text).is_err() {
            // The file can be resumed without it: its name identifies it.
            let _ = self.folder.remove_file(&state);
        }
        Ok(true)
    }

    /// Reads the state file.
    pub(super) fn state(&self) -> Option<PartialState> {
        let state = state_name(&self.name)?;
        let found = self.folder.symlink_metadata(&state).ok()?;
        if !is_plain(&self.folder, &found).ok()? {
            return None;
        }
        let file = open(&self.folder, &state, OpenOptions::new().read(true)).ok()?;
        let mut text = Vec::new();
        file.take(MAX_STATE_LEN).read_to_end(&mut text).ok()?;
        StateFile::parse(&text, &self.name)
    }

    /// Removes the file and its state. The file must be locked.
    pub(super) fn remove(&self) -> io::Result<()> {
        // The state first: once the file is removed, another of its name may be created with its own state.
        self.remove_state();
        self.folder.remove_file(&self.name)
    }

    /// Removes only the state.
    pub(super) fn remove_state(&self) {
        if let Some(state) = state_name(&self.name) {
            // If that fails, it expires.
            let _ = self.folder.remove_file(&state);
        }
    }
}

fn retry<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 1..MAX_ATTEMPTS {
        match attempt() {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound
                ) => {}
            result => return result,
        }
    }
    attempt()
}

fn open_folder(root: &Dir) -> io::Result<Dir> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "the mode is set on Unix alone"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    {
        use cap_std::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    match root.create_dir_with(PARTIAL_FOLDER, &builder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    root.open_dir_nofollow(PARTIAL_FOLDER)
}

fn create(folder: &Dir, name: &str) -> io::Result<File> {
    let file = open_new(folder, name)?;
    check_new(folder, name, &file)?;
    Ok(file)
}

fn open_new(folder: &Dir, name: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // Ordinary permissions from the start: its folder keeps other users out until it is stored.
    options.read(true).write(true).create_new(true);
    Ok(folder.open_with(name, &options)?.into_std())
}

/// Opens a file without following a link and without waiting for the other end of a pipe.
pub(super) fn open(folder: &Dir, name: &str, options: &mut OpenOptions) -> io::Result<File> {
    options.follow(FollowSymlinks::No).nonblock(true);
    Ok(folder.open_with(name, options)?.into_std())
}

/// Locks a file that was opened under this name. Returns `false` if it is in use.
///
/// # Errors
///
/// `NotFound` if it was stored or removed before it was locked; otherwise the system's error, also on a file
/// system without locks.
pub(super) fn claim(folder: &Dir, name: &str, file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) if is_still(folder, name, file)? => Ok(true),
        Ok(()) => Err(io::ErrorKind::NotFound.into()),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// True if it is a regular file of the folder's owner without another hard link, through which other files
/// could be written.
#[cfg(unix)]
pub(super) fn is_plain(folder: &Dir, found: &Metadata) -> io::Result<bool> {
    use cap_std::fs::MetadataExt as _;
    Ok(found.is_file() && found.nlink() == 1 && found.uid() == folder.dir_metadata()?.uid())
}

#[cfg(not(unix))]
pub(super) fn is_plain(_: &Dir, found: &Metadata) -> io::Result<bool> {
    Ok(found.is_file())
}

/// True if `file` still has this name.
#[cfg(unix)]
fn is_still(folder: &Dir, name: &str, file: &File) -> io::Result<bool> {
    use cap_std::fs::MetadataExt as _;
    let (named, held) = (folder.symlink_metadata(name)?, Metadata::from_file(file)?);
    let same = (named.dev(), named.ino()) == (held.dev(), held.ino());
    Ok(same && is_plain(folder, &held)?)
}

#[cfg(not(unix))]
fn is_still(folder: &Dir, name: &str, _: &File) -> io::Result<bool> {
    is_plain(folder, &folder.symlink_metadata(name)?)
}

/// Refuses a folder of partial files that another user created, in `/tmp` for example: that user could swap
/// the file. Both owners are read from the file system, which may report another user than the process
/// runs as.
///
/// # Errors
///
/// `PermissionDenied`, and the file is removed; `NotFound` if another process has removed it already.
#[cfg(unix)]
fn check_new(folder: &Dir, name: &str, file: &File) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let created = file.metadata()?;
    if created.nlink() == 0 {
        return Err(io::ErrorKind::NotFound.into());
    }
    let (expected, got) = (created.uid(), cap_std::fs::MetadataExt::uid(&folder.dir_metadata()?));
    if expected == got {
        return Ok(());
    }
    let _ = folder.remove_file(name);
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("the folder belongs to user {got}, not to user {expected}"),
    ))
}

#[cfg(not(unix))]
fn check_new(_: &Dir, _: &str, _: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests;
