//! A file on its way in, until it has its name.

use std::fmt;
use std::fs::File;
use std::io::{self, Seek as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use cap_fs_ext::DirExt as _;
use cap_std::fs::Dir;
use xcher_core::{FileName, Kind, Quoted};

use super::inbox::Shared;
use super::partial_file::Place;
use super::prefix::prefix_hash;
use super::rename::rename_new;
use super::{OnConflict, PARTIAL_FOLDER, Stat};

/// A file that is being received, in the folder of unfinished files.
///
/// It ends in one of three ways: [`store`](Self::store), [`keep`](Self::keep), or dropped, which
/// keeps it too unless it is empty.
#[derive(Debug)]
pub struct Partial {
    pub(super) file: File,
    pub(super) name: FileName,
    /// What it had when it was opened.
    bytes: u64,
    /// `None` once it has its final name.
    place: Option<Place>,
    pub(super) inbox: Arc<Shared>,
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

    /// The same, of which nothing is to stay unless it is stored: it can never be gone on with.
    #[must_use]
    pub fn worthless(mut self) -> Self {
        // An empty one goes.
        let _ = self.start_over();
        self
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
            Err(error) => Err(self.not_stored(StoreErrorKind::System(error))),
        }
    }

    /// As [`store`](Self::store), of a file that was [synced](super::Inbox::sync) with others.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn store_synced(mut self, stat: Option<Stat>) -> Result<FileName, StoreError> {
        let stat = stat.map(|stat| Stat {
            executable: stat.executable && self.inbox.taking.executable,
            ..stat
        });
        let kind = stat.map_or(Kind::File, |stat| stat.kind);
        let stored = match kind {
            Kind::File => self.try_store(stat),
            Kind::Folder => self.make_folder(stat),
            Kind::Link => self.make_link(stat),
        };
        match stored {
            Ok(name) => {
                match (self.place.take(), kind) {
                    (Some(place), Kind::File) => place.remove_state(),
                    // What said what to make is not needed any more.
                    (Some(place), _) => drop(place.remove()),
                    (None, _) => {}
                }
                Ok(name)
            }
            Err(why) => Err(self.not_stored(why)),
        }
    }

    fn not_stored(self, why: StoreErrorKind) -> StoreError {
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

    fn try_store(&self, stat: Option<Stat>) -> Result<FileName, StoreErrorKind> {
        let Some(place) = &self.place else {
            return Err(StoreErrorKind::System(io::ErrorKind::NotFound.into()));
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
                return Err(StoreErrorKind::System(error));
            }
            Err(_) => match self.inbox.taking.on_conflict {
                OnConflict::Skip | OnConflict::Fail => return Err(StoreErrorKind::Exists),
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

    pub(super) fn first_free(
        &self,
        to: impl Fn(&FileName) -> io::Result<()>,
    ) -> Result<FileName, StoreErrorKind> {
        for number in 1..=NUMBERS {
            let name = self.name.numbered(number);
            match to(&name) {
                Ok(()) => return Ok(name),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StoreErrorKind::System(error)),
            }
        }
        Err(StoreErrorKind::Exists)
    }

    /// The folder that the file belongs in. No link on the way is followed, whoever made it: a peer may
    /// have sent it.
    pub(super) fn open_parent(&self) -> Result<Dir, StoreErrorKind> {
        open_parent(&self.inbox.root, &self.name)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        self.settle();
    }
}

/// The folder of a name below `root`, made where it is missing.
pub(super) fn open_parent(root: &Dir, name: &FileName) -> Result<Dir, StoreErrorKind> {
    let mut folder = root.try_clone().map_err(StoreErrorKind::System)?;
    let name = name.as_str();
    for (end, _) in name.match_indices('/') {
        let parent = &name[..end];
        let part = parent.rsplit('/').next().unwrap_or(parent);
        folder = open_or_make(&folder, part)
            .map_err(|error| StoreErrorKind::of_parent(&folder, part, parent, error))?;
    }
    Ok(folder)
}

fn open_or_make(folder: &Dir, part: &str) -> io::Result<Dir> {
    match folder.open_dir_nofollow(part) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match folder.create_dir(part) {
                // Another file of it was quicker.
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            folder.open_dir_nofollow(part)
        }
        opened => opened,
    }
}

/// Takes the place of a regular file. A rename never follows a link, so what is swapped in between
/// the look and the rename is replaced itself and not what it leads to.
fn replace(place: &Place, parent: &Dir, name: &str) -> Result<(), StoreErrorKind> {
    match parent.symlink_metadata(name) {
        Ok(metadata) if !metadata.is_file() => return Err(StoreErrorKind::NotAFile),
        _ => {}
    }
    place.folder.rename(&place.name, parent, name).map_err(StoreErrorKind::System)
}

/// Makes the new name last through a power cut, where the file system can. The file is whole and
/// has its name already, so a refusal here is no failure of the transfer.
pub(super) fn sync_folder(folder: &Dir) {
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
    pub why: StoreErrorKind,
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
pub enum StoreErrorKind {
    /// Something of that name is there, and is not to be replaced.
    Exists,
    /// What should be overwritten is a folder, a link or a device.
    NotAFile,
    /// What should be a folder is not.
    ParentIsFile {
        /// Its name, below the receiving folder.
        parent: Box<str>,
    },
    /// What should be a folder is a link, which is not followed.
    ParentIsLink {
        /// Its name, below the receiving folder.
        parent: Box<str>,
    },
    /// An empty folder came with bytes.
    FolderWithBytes,
    /// A link leads, or may lead, out of the folder that it came in.
    LinkLeaves,
    /// This system makes no links.
    NoLinks,
    /// What the system said.
    System(io::Error),
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => write!(f, "something of that name is there already"),
            Self::NotAFile => {
                write!(f, "expected a regular file to overwrite, got a folder, link or device")
            }
            Self::ParentIsFile { parent } => {
                write!(f, "expected a folder at {}, got something else", Quoted(parent))
            }
            Self::ParentIsLink { parent } => {
                write!(f, "expected a folder at {}, got a link", Quoted(parent))
            }
            Self::FolderWithBytes => write!(f, "expected an empty folder, got bytes"),
            Self::LinkLeaves => write!(f, "it is a link out of the folder that it came in"),
            Self::NoLinks => write!(f, "links cannot be made here"),
            Self::System(source) => write!(f, "{source}"),
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
