//! A file on its way in, until it has its name.

use std::fmt;
use std::fs::File;
use std::io::{self, Seek as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use cap_std::fs::Dir;
use xcher_core::{FileName, Quoted};

use super::inbox::Shared;
use super::place::Place;
use super::prefix::prefix_hash;
use super::rename::rename_new;
use super::{OnConflict, PARTIAL_FOLDER, Stat};

/// A file that is being received, in the folder of unfinished files.
///
/// It ends in one of three ways: [`store`](Self::store), [`keep`](Self::keep), or dropped, which
/// keeps it too unless it is empty.
#[derive(Debug)]
pub struct Partial {
    file: File,
    name: FileName,
    /// What it had when it was opened.
    bytes: u64,
    /// `None` once it has its final name.
    place: Option<Place>,
    inbox: Arc<Shared>,
}

/// An unfinished file that stays.
#[derive(Debug)]
pub struct Kept {
    /// Where.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
}

/// Numbers tried for a free name.
const NUMBERS: u32 = 9_999;

impl Partial {
    pub(super) fn new(
        inbox: Arc<Shared>,
        name: FileName,
        place: Place,
        file: File,
        bytes: u64,
    ) -> Self {
        Self { file, name, bytes, place: Some(place), inbox }
    }

    /// The open file for reading and writing, after the [bytes](Self::bytes) it has.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Bytes of an earlier attempt that it begins with, never more than its origin says; zero for a
    /// new file. Whether they are the right ones is not known.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The hash of the [bytes](Self::bytes) it begins with, to go on with; the file stands after them
    /// then. Blocks on the disk, for as long as it takes to read them.
    ///
    /// # Errors
    ///
    /// What the system says; `UnexpectedEof` if they are fewer now; `Interrupted` soon after
    /// `cancelled` is set.
    pub fn prefix_hash(&self, cancelled: &AtomicBool) -> io::Result<blake3::Hasher> {
        prefix_hash(&self.file, self.bytes, cancelled)
    }

    /// Gives up the bytes it has: the file is empty then.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn start_over(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.bytes = 0;
        Ok(())
    }

    /// The name that was asked for.
    pub fn name(&self) -> &FileName {
        &self.name
    }

    /// Syncs the file and gives it its name, or the next free one where [`OnConflict::Rename`] is
    /// asked for. Parent folders are created below the receiving folder. Where there is a `stat` the
    /// file has it when it gets its name, as far as the file system can. Blocks on the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the partial file stays, and the error says where.
    pub fn store(self, stat: Option<Stat>) -> Result<FileName, StoreError> {
        match self.file.sync_all() {
            Ok(()) => self.store_synced(stat),
            Err(error) => Err(self.not_stored(StoreFault::System(error))),
        }
    }

    /// As [`store`](Self::store), of a file that was [synced](super::Inbox::sync) with others.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn store_synced(mut self, stat: Option<Stat>) -> Result<FileName, StoreError> {
        match self.try_store(stat) {
            Ok(name) => {
                if let Some(place) = self.place.take() {
                    place.remove_state();
                }
                Ok(name)
            }
            Err(why) => Err(self.not_stored(why)),
        }
    }

    fn not_stored(self, why: StoreFault) -> StoreError {
        // Its age counts from now again, not from what its sender said.
        let _ = self.file.set_modified(SystemTime::now());
        StoreError { name: self.name.clone(), why, kept: self.keep() }
    }

    /// Leaves the file where it is and says where; an empty one is removed.
    pub fn keep(mut self) -> Option<Kept> {
        self.settle()
    }

    fn settle(&mut self) -> Option<Kept> {
        let place = self.place.take()?;
        let bytes = self.file.metadata().map_or(0, |metadata| metadata.len());
        if bytes == 0 {
            let _ = place.remove();
            return None;
        }
        Some(Kept { path: self.inbox.path.join(PARTIAL_FOLDER).join(place.name), bytes })
    }

    fn try_store(&self, stat: Option<Stat>) -> Result<FileName, StoreFault> {
        let Some(place) = &self.place else {
            return Err(StoreFault::System(io::ErrorKind::NotFound.into()));
        };
        let parent = self.open_parent()?;
        // As late as can be: an unfinished file with an old time is one that expires. A file system
        // that knows no times or permissions can hold the bytes all the same.
        let _ = stat.map(|stat| stat.apply(&self.file));
        let to =
            |name: &FileName| rename_new(&place.folder, &place.name, &parent, name.last_part());
        let name = match to(&self.name) {
            Ok(()) => self.name.clone(),
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(StoreFault::System(error));
            }
            Err(_) => match self.inbox.on_conflict {
                OnConflict::Skip | OnConflict::Fail => return Err(StoreFault::Exists),
                OnConflict::Overwrite => {
                    replace(place, &parent, self.name.last_part())?;
                    self.name.clone()
                }
                OnConflict::Rename => self.first_free(to)?,
            },
        };
        sync_folder(&parent);
        Ok(name)
    }

    fn first_free(&self, to: impl Fn(&FileName) -> io::Result<()>) -> Result<FileName, StoreFault> {
        for number in 1..=NUMBERS {
            let name = self.name.numbered(number);
            match to(&name) {
                Ok(()) => return Ok(name),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StoreFault::System(error)),
            }
        }
        Err(StoreFault::Exists)
    }

    /// The folder that the file belongs in. Links on the way are followed as long as they stay
    /// inside the receiving folder.
    fn open_parent(&self) -> Result<Dir, StoreFault> {
        let root = &self.inbox.root;
        let Some((parent, _)) = self.name.as_str().rsplit_once('/') else {
            return root.try_clone().map_err(StoreFault::System);
        };
        let opened = root.open_dir(parent).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                root.create_dir_all(parent)?;
                root.open_dir(parent)
            }
            _ => Err(error),
        });
        opened.map_err(|error| StoreFault::of_parent(parent, error))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        self.settle();
    }
}

/// Takes the place of a regular file. A rename never follows a link, so what is swapped in between
/// the look and the rename is replaced itself and not what it leads to.
fn replace(place: &Place, parent: &Dir, name: &str) -> Result<(), StoreFault> {
    match parent.symlink_metadata(name) {
        Ok(metadata) if !metadata.is_file() => return Err(StoreFault::NotAFile),
        _ => {}
    }
    place.folder.rename(&place.name, parent, name).map_err(StoreFault::System)
}

/// Makes the new name last through a power cut, where the file system can. The file is whole and
/// has its name already, so a refusal here is no failure of the transfer.
fn sync_folder(folder: &Dir) {
    if cfg!(unix) {
        let _ = folder.open(".").and_then(|folder| folder.sync_all());
    }
}

/// Why a whole file did not get its name.
#[derive(Debug)]
pub struct StoreError {
    /// The name that was asked for.
    pub name: FileName,
    /// Why.
    pub why: StoreFault,
    /// Where the file is now; `None` if it was empty.
    pub kept: Option<Kept>,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot store {}: {}", Quoted(self.name.as_str()), self.why)?;
        match &self.kept {
            Some(kept) => write!(f, "; its {} bytes are in {:?}", kept.bytes, kept.path),
            None => Ok(()),
        }
    }
}

impl std::error::Error for StoreError {}

/// Why a name is not to be had.
#[derive(Debug)]
pub enum StoreFault {
    /// Something of that name is there, and is not to be replaced.
    Exists,
    /// What should be overwritten is a folder, a link or a device.
    NotAFile,
    /// What should be a folder is not.
    ParentIsFile {
        /// Its name, below the receiving folder.
        parent: Box<str>,
    },
    /// What should be a folder is a link out of the receiving folder.
    ParentLeaves {
        /// Its name, below the receiving folder.
        parent: Box<str>,
    },
    /// What the system said.
    System(io::Error),
}

impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => write!(f, "something of that name is there already"),
            Self::NotAFile => {
                write!(f, "expected a regular file to overwrite, got a folder, link or device")
            }
            Self::ParentIsFile { parent } => {
                write!(f, "expected a folder at {}, got something else", Quoted(parent))
            }
            Self::ParentLeaves { parent } => write!(
                f,
                "expected a folder inside the receiving folder at {}, got a link out of it",
                Quoted(parent)
            ),
            Self::System(source) => write!(f, "{source}"),
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
