//! The folder that files are received into.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_fs_ext::DirExt;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, OpenOptions};
use serde::{Deserialize, Serialize};
use xcher_core::{FileName, NameFault, Quoted};

use super::partial::Place;
use super::{HERE, PARTIAL_FOLDER, Partial, StoreFault, is_own_place, leaves_root};

/// What to do when a file of that name is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, clap::ValueEnum, Serialize, Deserialize)]
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
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) root: Dir,
    /// For messages.
    pub(super) path: PathBuf,
    pub(super) on_conflict: OnConflict,
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Fails, as it should, while anything is in it.
        let _ = self.root.remove_dir(PARTIAL_FOLDER);
    }
}

impl Inbox {
    /// Opens the folder at `path`, and creates it with its parents if it is missing.
    ///
    /// # Errors
    ///
    /// [`InboxError::Folder`].
    pub fn open(path: &Path, on_conflict: OnConflict) -> Result<Self, InboxError> {
        let open = || {
            match std::fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
                Err(_) => std::fs::create_dir_all(path)?,
            }
            Dir::open_ambient_dir(path, ambient_authority())
        };
        let root = open().map_err(|source| InboxError::Folder { path: path.into(), source })?;
        Ok(Self { shared: Arc::new(Shared { root, path: path.into(), on_conflict }) })
    }

    /// Whether something of this name is there: a file, a folder or a link.
    pub fn taken(&self, name: &FileName) -> bool {
        self.shared.root.symlink_metadata(name.as_str()).is_ok()
    }

    /// Starts a file that is to get this name, and refuses at once what could not be stored later.
    ///
    /// # Errors
    ///
    /// [`InboxError`]; nothing has been created then.
    pub fn create(&self, name: &FileName) -> Result<Partial, InboxError> {
        if is_own_place(name) {
            return Err(InboxError::OwnPlace { name: name.clone() });
        }
        name.usable_on(HERE).map_err(|why| InboxError::BadName { name: name.clone(), why })?;
        let root = &self.shared.root;
        check_place(root, name).map_err(|why| InboxError::NoPlace { name: name.clone(), why })?;
        let (place, file) = create_partial(root, name.last_part()).map_err(|source| {
            InboxError::Partial { path: self.shared.path.join(PARTIAL_FOLDER), source }
        })?;
        Ok(Partial::new(Arc::clone(&self.shared), name.clone(), place, file))
    }
}

/// Whether the folders above `name` are folders, as far as they are there, and inside.
fn check_place(root: &Dir, name: &FileName) -> Result<(), StoreFault> {
    let name = name.as_str();
    for (at, _) in name.match_indices('/') {
        let parent = &name[..at];
        match root.metadata(parent) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(StoreFault::ParentIsFile { parent: parent.into() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match root.symlink_metadata(parent) {
                    // Another file of the folder has made it meanwhile.
                    Ok(metadata) if metadata.is_dir() => {}
                    // A link to nothing, and no folder can be made in its place.
                    Ok(_) => return Err(StoreFault::ParentIsFile { parent: parent.into() }),
                    Err(_) => break,
                }
            }
            Err(error) => return Err(StoreFault::of_parent(parent, error)),
        }
    }
    match root.symlink_metadata(name) {
        // So a name too long for this file system shows before anything is fetched.
        Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {
            Err(StoreFault::System(error))
        }
        _ => Ok(()),
    }
}

/// Bytes of the name that a partial file keeps: with the rest it fits file systems that hold less
/// than 255 bytes a name, encrypted ones for example.
const KEPT_OF_NAME: usize = 120;

fn create_partial(root: &Dir, last_part: &str) -> io::Result<(Place, File)> {
    let stem = &last_part[..last_part.floor_char_boundary(KEPT_OF_NAME)];
    let mut tries_left = 16;
    loop {
        tries_left -= 1;
        let name = format!("{stem}.{:08x}.part", fastrand::u32(..));
        match try_create(root, name) {
            // Another process may take the same number, or remove the folder when it ends.
            Err(error)
                if tries_left > 0
                    && matches!(
                        error.kind(),
                        io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound
                    ) => {}
            result => return result,
        }
    }
}

fn try_create(root: &Dir, name: String) -> io::Result<(Place, File)> {
    let folder = open_partial_folder(root)?;
    let mut options = OpenOptions::new();
    // Ordinary permissions from the start; its folder keeps others out until it is stored.
    options.read(true).write(true).create_new(true);
    let file = folder.open_with(&name, &options)?.into_std();
    if let Err(error) = check_owner(&folder, &file) {
        let _ = folder.remove_file(&name);
        return Err(error);
    }
    Ok((Place { folder, name }, file))
}

fn open_partial_folder(root: &Dir) -> io::Result<Dir> {
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

/// Refuses a folder of partial files that someone else made, in `/tmp` for example: they could swap
/// the file. Both owners are asked of the file system, which may show another user than the process
/// runs as.
#[cfg(unix)]
fn check_owner(folder: &Dir, file: &File) -> io::Result<()> {
    use cap_std::fs::MetadataExt as _;
    let expected = std::os::unix::fs::MetadataExt::uid(&file.metadata()?);
    let got = folder.dir_metadata()?.uid();
    if expected == got {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("expected a folder of user {expected}, got one of user {got}"),
    ))
}

#[cfg(not(unix))]
fn check_owner(_: &Dir, _: &File) -> io::Result<()> {
    Ok(())
}

impl StoreFault {
    /// Why the folder `parent` cannot be used.
    pub(super) fn of_parent(parent: &str, error: io::Error) -> Self {
        let parent = parent.into();
        match error.kind() {
            _ if leaves_root(&error) => Self::ParentLeaves { parent },
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                Self::ParentIsFile { parent }
            }
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
    BadName {
        /// The name.
        name: FileName,
        /// What is wrong with it.
        why: NameFault,
    },
    /// The name has no place below the folder.
    NoPlace {
        /// The name.
        name: FileName,
        /// Why.
        why: StoreFault,
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
            Self::BadName { name, why } => write!(
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
