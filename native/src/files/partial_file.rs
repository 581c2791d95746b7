//! Where an unfinished file is: found again, or made.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::time::SystemTime;

use cap_fs_ext::{DirExt as _, FollowSymlinks, OpenOptionsFollowExt as _, OpenOptionsSyncExt as _};
use cap_std::fs::{Dir, DirBuilder, Metadata, OpenOptions};
use xcher_core::FileName;

use super::PARTIAL_FOLDER;
use super::partial_name::{
    Known, LONGEST_STATE, Origin, State, lasting_name, random_name, state_name,
};

/// An unfinished file's place. As long as its file is open it is locked: no other process takes,
/// expires or clears it. The system ends that with the process, however that ends.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) folder: Dir,
    pub(super) name: String,
}

/// Tries for a name, or for a file that another process is about to store or remove.
const TRIES: u32 = 16;

impl Place {
    /// A new file that is not found again.
    pub(super) fn random(root: &Dir, last_part: &str) -> io::Result<(Self, File)> {
        // Another process may take the same number, or remove the folder when it ends.
        again(|| Self::try_random(root, random_name(last_part)))
    }

    fn try_random(root: &Dir, name: String) -> io::Result<(Self, File)> {
        let folder = open_folder(root)?;
        let file = open_new(&folder, &name)?;
        // Where there are no locks it goes without: nobody else looks for it.
        let taken = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
        check_new(&folder, &name, &file)?;
        if taken {
            // Someone who looks what is there was quicker.
            let _ = folder.remove_file(&name);
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok((Self { folder, name }, file))
    }

    /// The file of this origin with the bytes it has, standing at their end, or a new one; `None`
    /// where it is in use, or something else is in its place, or in that of its state.
    ///
    /// What is in the file is not looked at. It was not synced while it came, so that after a crash
    /// of the machine its end may be anything: whoever goes on with it compares hashes first.
    pub(super) fn lasting(
        root: &Dir,
        name: &FileName,
        origin: &Origin,
    ) -> Option<(Self, File, u64)> {
        // What the system says it says again of a new file, if it matters.
        again(|| Self::try_lasting(root, name, origin)).ok().flatten()
    }

    fn try_lasting(
        root: &Dir,
        name: &FileName,
        origin: &Origin,
    ) -> io::Result<Option<(Self, File, u64)>> {
        let place = Self { folder: open_folder(root)?, name: lasting_name(name, origin) };
        let folder = &place.folder;
        let (file, is_new) = match folder.symlink_metadata(&place.name) {
            Ok(found) if is_plain(folder, &found)? => {
                (open(folder, &place.name, OpenOptions::new().read(true).write(true))?, false)
            }
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (create(folder, &place.name)?, true)
            }
            Err(error) => return Err(error),
        };
        match claim(folder, &place.name, &file) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => {
                if is_new && error.kind() != io::ErrorKind::NotFound {
                    let _ = folder.remove_file(&place.name);
                }
                return Err(error);
            }
        }
        let mut bytes = file.metadata()?.len();
        // It also shows whose folder this is, before a byte is written to what was found there.
        let known = place.write_state(name, origin);
        if !matches!(known, Ok(true)) {
            if bytes == 0 {
                let _ = folder.remove_file(&place.name);
            }
            return known.map(|_| None);
        }
        if bytes > origin.size {
            file.set_len(0)?;
            bytes = 0;
        }
        (&file).seek(SeekFrom::Start(bytes))?;
        Ok(Some((place, file, bytes)))
    }

    /// Writes what is known of the file beside it; whether there is a place for that.
    fn write_state(&self, name: &FileName, origin: &Origin) -> io::Result<bool> {
        let Some(state) = state_name(&self.name) else { return Ok(false) };
        let started = self.known().map_or_else(SystemTime::now, |known| known.started);
        match self.folder.symlink_metadata(&state) {
            Ok(found) if is_plain(&self.folder, &found)? => self.folder.remove_file(&state)?,
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut file = create(&self.folder, &state)?;
        let text = serde_json::to_vec(&State::new(name, origin, started))?;
        if file.write_all(&text).is_err() {
            // The file goes on without: it is known by its name.
            let _ = self.folder.remove_file(&state);
        }
        Ok(true)
    }

    /// What the state beside the file says of it.
    pub(super) fn known(&self) -> Option<Known> {
        let state = state_name(&self.name)?;
        let found = self.folder.symlink_metadata(&state).ok()?;
        if !is_plain(&self.folder, &found).ok()? {
            return None;
        }
        let file = open(&self.folder, &state, OpenOptions::new().read(true)).ok()?;
        let mut text = Vec::new();
        file.take(LONGEST_STATE).read_to_end(&mut text).ok()?;
        State::parse(&text, &self.name)
    }

    /// Removes the file and its state. The file must be locked.
    pub(super) fn remove(&self) -> io::Result<()> {
        // The state first: once the file is gone, another may take its place and have its own.
        self.remove_state();
        self.folder.remove_file(&self.name)
    }

    /// Removes the state alone.
    pub(super) fn remove_state(&self) {
        if let Some(state) = state_name(&self.name) {
            // What is left of it expires.
            let _ = self.folder.remove_file(&state);
        }
    }
}

fn again<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 1..TRIES {
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
    // Ordinary permissions from the start; its folder keeps others out until it is stored.
    options.read(true).write(true).create_new(true);
    Ok(folder.open_with(name, &options)?.into_std())
}

/// Opens what is there without following a link and without waiting for the other end of a pipe.
pub(super) fn open(folder: &Dir, name: &str, options: &mut OpenOptions) -> io::Result<File> {
    options.follow(FollowSymlinks::No).nonblock(true);
    Ok(folder.open_with(name, options)?.into_std())
}

/// Locks a file that was opened under this name; `false` where it is in use.
///
/// # Errors
///
/// `NotFound` where it was stored or removed before it was locked, so that it is another's now;
/// otherwise what the system says, a file system without locks too.
pub(super) fn claim(folder: &Dir, name: &str, file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) if is_still(folder, name, file)? => Ok(true),
        Ok(()) => Err(io::ErrorKind::NotFound.into()),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether it is a regular file of the folder's owner, and has no other name: what is written to it
/// would be written there too.
#[cfg(unix)]
pub(super) fn is_plain(folder: &Dir, found: &Metadata) -> io::Result<bool> {
    use cap_std::fs::MetadataExt as _;
    Ok(found.is_file() && found.nlink() == 1 && found.uid() == folder.dir_metadata()?.uid())
}

#[cfg(not(unix))]
pub(super) fn is_plain(_: &Dir, found: &Metadata) -> io::Result<bool> {
    Ok(found.is_file())
}

/// Whether `file` is what has this name now.
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

/// Refuses a folder of partial files that someone else made, in `/tmp` for example: they could swap
/// the file. Both owners are asked of the file system, which may show another user than the process
/// runs as.
///
/// # Errors
///
/// The file is removed then; `NotFound` where another process has done that already.
#[cfg(unix)]
fn check_new(folder: &Dir, name: &str, file: &File) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let made = file.metadata()?;
    if made.nlink() == 0 {
        return Err(io::ErrorKind::NotFound.into());
    }
    let (expected, got) = (made.uid(), cap_std::fs::MetadataExt::uid(&folder.dir_metadata()?));
    if expected == got {
        return Ok(());
    }
    let _ = folder.remove_file(name);
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("expected a folder of user {expected}, got one of user {got}"),
    ))
}

#[cfg(not(unix))]
fn check_new(_: &Dir, _: &str, _: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests;
