//! The folder that files are received into.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use serde::{Deserialize, Serialize};
use xcher_core::{FileName, Kind, NameError, Quoted};

use super::partial_file::Place;
use super::{
    HERE, Origin, PARTIAL_FOLDER, Partial, Stat, StoreErrorKind, Unfinished, is_own_place,
};

/// What to do when a file of that name is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnConflict {
    /// Keep both: the new one becomes `name (1).ext`
    #[default]
    Rename,
    /// Replace the old one, once the new one is whole
    Overwrite,
    /// Leave the old one and do not fetch the new one
    Skip,
    /// Leave the old one and fail
    Fail,
}

/// A receiving folder. Cheap to clone, and safe to use from many threads.
///
/// Files grow in [`PARTIAL_FOLDER`] inside it; that folder goes with the last clone and the last
/// [`Partial`] if it is empty then. Nothing outside the folder is ever touched: a link below it is
/// followed as long as it stays inside, and refused otherwise.
#[derive(Clone, Debug)]
pub struct Inbox {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) root: Dir,
    /// For messages.
    pub(super) path: PathBuf,
    pub(super) taking: Taking,
}

/// How files are taken into a receiving folder.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taking {
    /// What to do when a file of that name is already there.
    pub on_conflict: OnConflict,
    /// Whether programs stay programs.
    pub executable: bool,
    /// The most bytes of a file of which nothing is known before; without it, what the disk holds.
    pub max_unknown: Option<u64>,
}

/// All that a file has is taken with it.
impl From<OnConflict> for Taking {
    fn from(on_conflict: OnConflict) -> Self {
        Self { on_conflict, executable: true, max_unknown: None }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Fails, as it should, while anything is in it.
        let _ = self.root.remove_dir(PARTIAL_FOLDER);
    }
}

impl Inbox {
    /// Opens the folder at `path`, and creates it with its parents if it is missing. Unfinished files
    /// in it that are older than [`PARTIAL_EXPIRY`](xcher_core::PARTIAL_EXPIRY) and not in use are removed.
    ///
    /// # Errors
    ///
    /// [`InboxError::Folder`].
    pub fn open(path: &Path, taking: impl Into<Taking>) -> Result<Self, InboxError> {
        let open = || {
            match std::fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
                Err(_) => std::fs::create_dir_all(path)?,
            }
            Dir::open_ambient_dir(path, ambient_authority())
        };
        let root = open().map_err(|source| InboxError::Folder { path: path.into(), source })?;
        Unfinished::expire(&root);
        Ok(Self { shared: Arc::new(Shared { root, path: path.into(), taking: taking.into() }) })
    }

    /// Tries whether files can be made in the folder: a file system may be read-only, a folder another's.
    ///
    /// # Errors
    ///
    /// [`InboxError::Partial`].
    pub fn check_writable(&self) -> Result<(), InboxError> {
        let shared = &self.shared;
        let (place, _file) = Place::random(&shared.root, "try").map_err(|source| {
            InboxError::Partial { path: shared.path.join(PARTIAL_FOLDER), source }
        })?;
        // What cannot be removed expires.
        let _ = place.remove();
        let _ = shared.root.remove_dir(PARTIAL_FOLDER);
        Ok(())
    }

    /// The most bytes of a file of which nothing is known before.
    pub fn max_unknown(&self) -> Option<u64> {
        self.shared.taking.max_unknown
    }

    /// Whether something of this name is there: a file, a folder or a link.
    pub fn taken(&self, name: &FileName) -> bool {
        self.shared.root.symlink_metadata(name.as_str()).is_ok()
    }

    /// Whether a file or link of this name, size and time is there, or the folder. It must be of that second exactly, as a
    /// file is whose time was set: one that was written in that second by someone else has more to
    /// its time than seconds.
    pub fn holds(&self, name: &FileName, size: u64, stat: Stat) -> bool {
        self.shared.root.symlink_metadata(name.as_str()).is_ok_and(|found| {
            let time = found.modified().map(cap_std::time::SystemTime::into_std).ok();
            let same = time.is_some() && time == stat.modified && found.len() == size;
            match stat.kind {
                Kind::File => found.is_file() && same,
                Kind::Folder => found.is_dir(),
                Kind::Link => found.is_symlink() && same,
            }
        })
    }

    /// Bytes that may still be written to the file system that the folder is on.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn free_space(&self) -> io::Result<u64> {
        free_space(&self.shared)
    }

    /// Brings all that was written in the folder to the disk, in one go. False where the system cannot.
    pub fn sync(&self) -> bool {
        sync(&self.shared)
    }

    /// Starts a file that is to get this name, and refuses at once what could not be stored later.
    ///
    /// With an origin it goes on where an earlier attempt of the same file ended, by this process or
    /// another: [`Partial::bytes`] says where that is. Where that one is in use, or cannot be used,
    /// the file is a new one, as it is without an origin.
    ///
    /// # Errors
    ///
    /// [`InboxError`]; nothing has been created then.
    pub fn create(&self, name: &FileName, origin: Option<&Origin>) -> Result<Partial, InboxError> {
        if is_own_place(name) {
            return Err(InboxError::OwnPlace { name: name.clone() });
        }
        name.check_platform(HERE)
            .map_err(|why| InboxError::InvalidName { name: name.clone(), why })?;
        let root = &self.shared.root;
        check_place(root, name).map_err(|why| InboxError::NoPlace { name: name.clone(), why })?;
        let found = origin.and_then(|origin| Place::lasting(root, name, origin));
        let (place, file, bytes) = match found {
            Some(found) => found,
            None => {
                let new = Place::random(root, name.last_part());
                let (place, file) = new.map_err(|source| InboxError::Partial {
                    path: self.shared.path.join(PARTIAL_FOLDER),
                    source,
                })?;
                (place, file, 0)
            }
        };
        Ok(Partial::new(Arc::clone(&self.shared), name.clone(), place, file, bytes))
    }
}

#[cfg(target_os = "linux")]
fn sync(shared: &Shared) -> bool {
    rustix::fs::syncfs(&shared.root).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn sync(_: &Shared) -> bool {
    false
}

#[cfg(unix)]
fn free_space(shared: &Shared) -> io::Result<u64> {
    let stat = rustix::fs::fstatvfs(&shared.root)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(not(unix))]
fn free_space(shared: &Shared) -> io::Result<u64> {
    fs4::available_space(&shared.path)
}

/// Whether the folders above `name` are folders, as far as they are there, and inside.
fn check_place(root: &Dir, name: &FileName) -> Result<(), StoreErrorKind> {
    let name = name.as_str();
    for (at, _) in name.match_indices('/') {
        let parent = &name[..at];
        match root.symlink_metadata(parent) {
            Ok(found) if found.is_dir() => {}
            Ok(found) if found.is_symlink() => {
                return Err(StoreErrorKind::ParentIsLink { parent: parent.into() });
            }
            Ok(_) => return Err(StoreErrorKind::ParentIsFile { parent: parent.into() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(StoreErrorKind::System(error)),
        }
    }
    match root.symlink_metadata(name) {
        // So a name too long for this file system shows before anything is fetched.
        Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {
            Err(StoreErrorKind::System(error))
        }
        _ => Ok(()),
    }
}

impl StoreErrorKind {
    /// Why the folder `parent`, which is `part` of `folder`, cannot be used.
    pub(super) fn of_parent(folder: &Dir, part: &str, parent: &str, error: io::Error) -> Self {
        let parent = parent.into();
        match folder.symlink_metadata(part) {
            Ok(found) if found.is_symlink() => Self::ParentIsLink { parent },
            Ok(found) if !found.is_dir() => Self::ParentIsFile { parent },
            _ => Self::System(error),
        }
    }
}

/// Why a file cannot be received.
#[derive(Debug)]
pub enum InboxError {
    /// The receiving folder cannot be opened or made.
    Folder {
        /// As it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A peer's name for a file lies where unfinished files are kept.
    OwnPlace {
        /// The name.
        name: FileName,
    },
    /// This system reads the name as something else.
    InvalidName {
        /// The name.
        name: FileName,
        /// What is wrong with it.
        why: NameError,
    },
    /// The name has no place below the folder.
    NoPlace {
        /// The name.
        name: FileName,
        /// Why.
        why: StoreErrorKind,
    },
    /// The unfinished file cannot be created.
    Partial {
        /// The folder that it should be in.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl fmt::Display for InboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { path, source } => write!(f, "cannot receive into {path:?}: {source}"),
            Self::OwnPlace { name } => write!(
                f,
                "expected a name outside {PARTIAL_FOLDER:?}, where unfinished files are kept, got {}",
                Quoted(name.as_str())
            ),
            Self::InvalidName { name, why } => write!(
                f,
                "expected a name that this system can hold, got {}: {why}",
                Quoted(name.as_str())
            ),
            Self::NoPlace { name, why } => {
                write!(f, "cannot receive {}: {why}", Quoted(name.as_str()))
            }
            Self::Partial { path, source } => {
                write!(f, "cannot create an unfinished file in {path:?}: {source}")
            }
        }
    }
}

impl std::error::Error for InboxError {}

#[cfg(all(test, unix))]
mod tests;
