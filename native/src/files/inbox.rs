//! The folder that files are received into.

use std::io;
use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use xcher_core::{FileName, Kind};

use super::inbox_root::InboxRoot;
use super::partial_file::Location;
use super::{
    InboxError, InboxOptions, IncompleteDownloads, PARTIAL_FOLDER, Partial, ResumeKey, Stat,
    StoreErrorKind, THIS_PLATFORM, is_in_partial_folder,
};

/// A receiving folder. Cheap to clone, and safe to use from many threads.
///
/// Partial files are in [`PARTIAL_FOLDER`] inside it, which is removed with the last clone and the last
/// [`Partial`] if it is empty. Nothing outside the folder is ever changed: no link leads out of it.
#[derive(Clone, Debug)]
pub struct Inbox {
    pub(super) shared: Arc<InboxRoot>,
}

impl Inbox {
    /// Opens the folder at `path`, and creates it with its parents if it is missing. Removes partial files in
    /// it that are older than [`PARTIAL_EXPIRY`](xcher_core::PARTIAL_EXPIRY) and not in use.
    ///
    /// # Errors
    ///
    /// [`InboxError::Folder`].
    pub fn open(path: &Path, options: impl Into<InboxOptions>) -> Result<Self, InboxError> {
        let open = || {
            match std::fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
                Err(_) => std::fs::create_dir_all(path)?,
            }
            Dir::open_ambient_dir(path, ambient_authority())
        };
        let root = open().map_err(|source| InboxError::Folder { path: path.into(), source })?;
        IncompleteDownloads::expire(&root);
        let (path, options) = (path.into(), options.into());
        Ok(Self { shared: Arc::new(InboxRoot { root, path, options }) })
    }

    /// Checks that files can be created in the folder: a file system may be read-only, a folder another
    /// user's.
    ///
    /// # Errors
    ///
    /// [`InboxError::Partial`].
    pub fn check_writable(&self) -> Result<(), InboxError> {
        let shared = &self.shared;
        let created = Location::create_unique(&shared.root, "try");
        let (location, _file) = created.map_err(|source| InboxError::Partial {
            path: shared.path.join(PARTIAL_FOLDER),
            source,
        })?;
        // If that fails, it expires.
        let _ = location.remove();
        let _ = shared.root.remove_dir(PARTIAL_FOLDER);
        Ok(())
    }

    /// Returns the most bytes of a file of unknown size.
    pub fn max_unknown(&self) -> Option<u64> {
        self.shared.options.max_unknown
    }

    /// True if a file, a folder or a link of this name exists.
    pub fn exists(&self, name: &FileName) -> bool {
        self.shared.root.symlink_metadata(name.as_str()).is_ok()
    }

    /// True if a file or link of this name, size and time exists, or the folder. The time must be exactly that
    /// second, as for a file whose time was set: a file that another program wrote in that second has a
    /// fraction too.
    pub fn has(&self, name: &FileName, size: u64, stat: Stat) -> bool {
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

    /// Returns the free bytes of the folder's file system.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn free_space(&self) -> io::Result<u64> {
        free_space(&self.shared)
    }

    /// Syncs all files written in the folder at once. Returns false if the system cannot.
    pub fn sync(&self) -> bool {
        sync(&self.shared)
    }

    /// Starts to receive a file of this name, and refuses at once a name that could not be stored later.
    ///
    /// With a key, resumes the partial file of an earlier attempt, by this process or another:
    /// [`Partial::bytes`] returns its length. If that one is in use, or cannot be used, creates a new file, as
    /// without a key.
    ///
    /// # Errors
    ///
    /// [`InboxError`]; nothing has been created then.
    pub fn create(&self, name: &FileName, key: Option<&ResumeKey>) -> Result<Partial, InboxError> {
        if is_in_partial_folder(name) {
            return Err(InboxError::PartialFolder { name: name.clone() });
        }
        name.check_platform(THIS_PLATFORM)
            .map_err(|why| InboxError::InvalidName { name: name.clone(), why })?;
        let root = &self.shared.root;
        check_parents(root, name)
            .map_err(|why| InboxError::UnusableName { name: name.clone(), why })?;
        let found = key.and_then(|key| Location::open_resumable(root, name, key));
        let (location, file, bytes) = match found {
            Some(found) => found,
            None => {
                let created = Location::create_unique(root, name.last_part());
                let (location, file) = created.map_err(|source| InboxError::Partial {
                    path: self.shared.path.join(PARTIAL_FOLDER),
                    source,
                })?;
                (location, file, 0)
            }
        };
        Ok(Partial::new(Arc::clone(&self.shared), name.clone(), location, file, bytes))
    }
}

#[cfg(target_os = "linux")]
fn sync(shared: &InboxRoot) -> bool {
    rustix::fs::syncfs(&shared.root).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn sync(_: &InboxRoot) -> bool {
    false
}

#[cfg(unix)]
fn free_space(shared: &InboxRoot) -> io::Result<u64> {
    let stat = rustix::fs::fstatvfs(&shared.root)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(not(unix))]
fn free_space(shared: &InboxRoot) -> io::Result<u64> {
    fs4::available_space(&shared.path)
}

/// Checks that the parents of `name` are folders, as far as they exist.
fn check_parents(root: &Dir, name: &FileName) -> Result<(), StoreErrorKind> {
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
        // A name too long for this file system is refused before anything is fetched.
        Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {
            Err(StoreErrorKind::System(error))
        }
        _ => Ok(()),
    }
}

#[cfg(all(test, unix))]
mod tests;
