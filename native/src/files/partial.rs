//! A file that is being received, until it is stored under its name.

use std::fs::File;
use std::io::{self, Seek as _};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use cap_std::fs::Dir;
use xcher_core::{FileName, Kind};

use super::inbox_root::InboxRoot;
use super::parent_folder::{open_parent, sync_folder};
use super::partial_file::{KeptPartial, Location};
use super::prefix_hash::prefix_hash;
use super::rename::rename_new;
use super::{OnConflict, PARTIAL_FOLDER, Stat, StoreError, StoreErrorKind};

/// A file that is being received, in the folder of partial files.
///
/// It ends in one of three ways: [`store`](Self::store), [`keep`](Self::keep), or dropped, which keeps it
/// too unless it is empty.
#[derive(Debug)]
pub struct Partial {
    pub(super) file: File,
    pub(super) name: FileName,
    /// Bytes that it had when it was opened.
    bytes: u64,
    /// `None` once it is stored.
    location: Option<Location>,
    pub(super) inbox: Arc<InboxRoot>,
}

/// The highest number tried to find a free name.
const MAX_NUMBER: u32 = 9_999;

impl Partial {
    pub(super) fn new(
        inbox: Arc<InboxRoot>,
        name: FileName,
        location: Location,
        file: File,
        bytes: u64,
    ) -> Self {
        Self { file, name, bytes, location: Some(location), inbox }
    }

    /// Returns the open file for reading and writing, positioned after the [bytes](Self::bytes) it has.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Returns the number of bytes of an earlier attempt that it begins with, never more than its size; zero
    /// for a new file. They are not verified.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Hashes the [bytes](Self::bytes) it begins with, and leaves the file positioned after them. Blocks on
    /// the disk for as long as reading them takes.
    ///
    /// # Errors
    ///
    /// The system's error; `UnexpectedEof` if the file is shorter now; `Interrupted` soon after `cancelled`
    /// is set.
    pub fn prefix_hash(&self, cancelled: &AtomicBool) -> io::Result<blake3::Hasher> {
        prefix_hash(&self.file, self.bytes, cancelled)
    }

    /// Discards the bytes it has.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn start_over(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.bytes = 0;
        Ok(())
    }

    /// Empties a file that can never be resumed, so that it is removed instead of kept.
    #[must_use]
    pub fn emptied(mut self) -> Self {
        let _ = self.start_over();
        self
    }

    /// Returns the requested name.
    pub fn name(&self) -> &FileName {
        &self.name
    }

    /// Syncs the file and renames it to its name, or to the next free one with [`OnConflict::Rename`].
    /// Creates parent folders below the receiving folder. Applies `stat` before the rename, as far as the
    /// file system supports it. Blocks on the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`], which names the partial file that is kept.
    pub fn store(self, stat: Option<Stat>) -> Result<FileName, StoreError> {
        match self.file.sync_all() {
            Ok(()) => self.store_synced(stat),
            Err(error) => Err(self.not_stored(StoreErrorKind::System(error))),
        }
    }

    /// As [`store`](Self::store), for a file that was [synced](super::Inbox::sync) with others.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn store_synced(mut self, stat: Option<Stat>) -> Result<FileName, StoreError> {
        let stat = stat.map(|stat| Stat {
            executable: stat.executable && self.inbox.options.executable,
            ..stat
        });
        let kind = stat.map_or(Kind::File, |stat| stat.kind);
        let stored = match kind {
            Kind::File => self.try_store(stat),
            Kind::Folder => self.create_folder(stat),
            Kind::Link => self.create_link(stat),
        };
        match stored {
            Ok(name) => {
                match (self.location.take(), kind) {
                    (Some(location), Kind::File) => location.remove_state(),
                    // The partial file held a link's target, or nothing.
                    (Some(location), _) => drop(location.remove()),
                    (None, _) => {}
                }
                Ok(name)
            }
            Err(why) => Err(self.not_stored(why)),
        }
    }

    fn not_stored(self, why: StoreErrorKind) -> StoreError {
        // Its age counts from now, not from the time that the provider reported.
        let _ = self.file.set_modified(SystemTime::now());
        StoreError { name: self.name.clone(), why, kept: self.keep() }
    }

    /// Keeps the partial file and returns its path; an empty one is removed.
    pub fn keep(mut self) -> Option<KeptPartial> {
        self.settle()
    }

    fn settle(&mut self) -> Option<KeptPartial> {
        let location = self.location.take()?;
        let bytes = self.file.metadata().map_or(0, |metadata| metadata.len());
        if bytes == 0 {
            let _ = location.remove();
            return None;
        }
        Some(KeptPartial { path: self.inbox.path.join(PARTIAL_FOLDER).join(location.name), bytes })
    }

    fn try_store(&self, stat: Option<Stat>) -> Result<FileName, StoreErrorKind> {
        let Some(location) = &self.location else {
            return Err(StoreErrorKind::System(io::ErrorKind::NotFound.into()));
        };
        let parent = self.open_parent()?;
        // As late as possible: a partial file with an old time expires. A file system without times or
        // permissions can store the bytes all the same.
        let _ = stat.map(|stat| stat.apply(&self.file));
        let Location { folder, name: partial } = location;
        let to = |name: &FileName| rename_new(folder, partial, &parent, name.last_part());
        let name = match to(&self.name) {
            Ok(()) => self.name.clone(),
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(StoreErrorKind::System(error));
            }
            Err(_) => match self.inbox.options.on_conflict {
                OnConflict::Skip | OnConflict::Fail => return Err(StoreErrorKind::Exists),
                OnConflict::Overwrite => {
                    replace(location, &parent, self.name.last_part())?;
                    self.name.clone()
                }
                OnConflict::Rename => self.first_free(to)?,
            },
        };
        sync_folder(&parent);
        Ok(name)
    }

    pub(super) fn first_free(
        &self,
        to: impl Fn(&FileName) -> io::Result<()>,
    ) -> Result<FileName, StoreErrorKind> {
        for number in 1..=MAX_NUMBER {
            let name = self.name.numbered(number);
            match to(&name) {
                Ok(()) => return Ok(name),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StoreErrorKind::System(error)),
            }
        }
        Err(StoreErrorKind::Exists)
    }

    /// Opens the folder that the file is stored in, and creates it if it is missing.
    pub(super) fn open_parent(&self) -> Result<Dir, StoreErrorKind> {
        open_parent(&self.inbox.root, &self.name)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        self.settle();
    }
}

/// Replaces a regular file. A rename never follows a link, so that a link swapped in between the check and
/// the rename is replaced itself, and not its target.
fn replace(location: &Location, parent: &Dir, name: &str) -> Result<(), StoreErrorKind> {
    match parent.symlink_metadata(name) {
        Ok(metadata) if !metadata.is_file() => return Err(StoreErrorKind::NotAFile),
        _ => {}
    }
    location.folder.rename(&location.name, parent, name).map_err(StoreErrorKind::System)
}

#[cfg(all(test, unix))]
mod tests;
