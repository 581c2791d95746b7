//! Lists what is shared, in bounded memory.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec;

use cap_fs_ext::DirExt;
use cap_std::fs::{DirEntry, ReadDir};
use xcher_core::{FileName, Listed, NameFault, Size};

use super::shares::Share;
use super::{Stat, is_own_part, leaves_root};

/// A listing under way. It reads the disk, so it belongs on a thread that may block.
///
/// Folders come in the order of their names, and so does what is in them, as long as a folder has
/// at most 4,096 entries; a larger one is listed in sorted runs of that length. Memory does not
/// depend on the number of files, and its depth is bounded by what a name can hold. A folder that
/// has been read to its end is not kept open.
#[derive(Debug)]
pub struct Walk {
    /// Those not yet begun.
    shares: vec::IntoIter<(Box<str>, Arc<Share>)>,
    pipe: Option<FileName>,
    current: Option<Arc<Share>>,
    /// The name so far: of the innermost folder, with a slash at its end.
    path: String,
    /// Bytes of `path` that are the share's own name and not below its root.
    prefix: usize,
    folders: Vec<Folder>,
}

/// A folder that is being listed.
#[derive(Debug)]
struct Folder {
    /// The length of `path` with this folder at its end.
    path: usize,
    /// What has been read, sorted so that the next is last.
    found: Vec<Found>,
    /// Where reading goes on, if there is more.
    rest: Option<ReadDir>,
}

#[derive(Debug)]
struct Found {
    name: OsString,
    kind: io::Result<Kind>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    File(u64, Stat),
    Folder,
    Link,
    Special,
}

/// Entries of one folder that are read and sorted at a time.
const RUN: usize = 4096;
/// Entries held in all folders of one path. A deeper folder gets what is left of it.
const HELD: usize = 4 * RUN;
/// The shortest run, however much is held.
const SHORTEST_RUN: usize = 64;

impl Walk {
    pub(super) fn new(shares: Vec<(Box<str>, Arc<Share>)>, pipe: Option<FileName>) -> Self {
        Self {
            shares: shares.into_iter(),
            pipe,
            current: None,
            path: String::new(),
            prefix: 0,
            folders: Vec::new(),
        }
    }

    /// The next files, at most `max` of them and of what is skipped together.
    ///
    /// An entry that cannot be shared, or vanishes while it is looked at, is skipped; nothing ends
    /// the listing before its end.
    pub fn next_chunk(&mut self, max: usize) -> Chunk {
        let mut chunk = Chunk::default();
        if let Some(name) = self.pipe.take() {
            chunk.entries.push(Entry { name, size: Size::UNKNOWN, stat: Stat::default() });
        }
        while chunk.entries.len() + chunk.skipped.len() < max {
            let Some(folder) = self.folders.last_mut() else {
                match self.shares.next() {
                    Some((name, share)) => self.begin(&name, share, &mut chunk),
                    None => {
                        chunk.done = true;
                        break;
                    }
                }
                continue;
            };
            self.path.truncate(folder.path);
            if let Some(found) = folder.found.pop() {
                self.look(found, &mut chunk);
            } else if let Some(rest) = folder.rest.take() {
                self.folders.pop();
                self.read(rest, &mut chunk);
            } else {
                self.folders.pop();
            }
        }
        chunk
    }

    fn begin(&mut self, name: &str, share: Arc<Share>, chunk: &mut Chunk) {
        self.path.clear();
        self.path.push_str(name);
        if !share.is_folder {
            self.prefix = 0;
            let found = share.root.symlink_metadata(name).map(|it| kind(&it));
            self.path.clear();
            self.current = Some(share);
            // A single file is never a link: `Shares::find` would not find it.
            let kind = match found {
                Ok(file @ Kind::File(..)) => Ok(file),
                Ok(_) => Ok(Kind::Special),
                Err(error) => Err(error),
            };
            self.look(Found { name: name.into(), kind }, chunk);
            return;
        }
        if !name.is_empty() {
            self.path.push('/');
        }
        self.prefix = self.path.len();
        let entries = share.root.entries();
        self.current = Some(share);
        match entries {
            Ok(rest) => self.read(rest, chunk),
            Err(error) => chunk.skip(self.path.as_ref(), SkipReason::Unreadable(error)),
        }
    }

    /// Reads the next run of the folder at `path` and puts it on top.
    fn read(&mut self, mut rest: ReadDir, chunk: &mut Chunk) {
        let held: usize = self.folders.iter().map(|folder| folder.found.capacity()).sum();
        let run = HELD.saturating_sub(held).clamp(SHORTEST_RUN, RUN);
        let mut found = Vec::new();
        let mut ended = false;
        while found.len() < run {
            match rest.next() {
                Some(Ok(entry)) => found.push(Found::new(&entry)),
                Some(Err(error)) => {
                    chunk.skip(self.path.as_ref(), SkipReason::Unreadable(error));
                    ended = true;
                }
                None => ended = true,
            }
            if ended {
                break;
            }
        }
        found.sort_unstable_by(|a, b| b.name.cmp(&a.name));
        let rest = (!ended).then_some(rest);
        self.folders.push(Folder { path: self.path.len(), found, rest });
    }

    /// Judges one entry of the folder at `path`.
    fn look(&mut self, found: Found, chunk: &mut Chunk) {
        let Some(share) = self.current.clone() else { return };
        let Some(name) = found.name.to_str() else {
            let path = Path::new(&self.path).join(&found.name);
            return chunk.skip(&path, SkipReason::NotText);
        };
        if is_own_part(name) {
            return;
        }
        self.path.push_str(name);
        let file = match FileName::parse(&self.path) {
            Ok(file) => file,
            Err(bad) => return chunk.skip(self.path.as_ref(), SkipReason::BadName(bad.why)),
        };
        let below = &self.path[self.prefix..];
        let kind = match found.kind {
            // Looked at from the root: a link may lead anywhere inside it.
            Ok(Kind::Link) => match share.root.metadata(below) {
                Ok(metadata) if metadata.is_dir() => Err(SkipReason::LinkToFolder),
                Ok(metadata) => Ok(self::kind(&metadata)),
                Err(error) if leaves_root(&error) => Err(SkipReason::LinkOut),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Err(SkipReason::DeadLink),
                Err(error) => Err(SkipReason::Unreadable(error)),
            },
            Ok(kind) => Ok(kind),
            Err(error) => Err(SkipReason::Unreadable(error)),
        };
        match kind {
            Ok(Kind::File(size, stat)) => {
                let size = Size::Exact(size);
                chunk.entries.push(Entry { name: file.to_owned(), size, stat });
            }
            Ok(Kind::Folder) => {
                match share.root.open_dir_nofollow(below).and_then(|dir| dir.entries()) {
                    Ok(rest) => {
                        self.path.push('/');
                        self.read(rest, chunk);
                    }
                    Err(error) => chunk.skip(self.path.as_ref(), SkipReason::Unreadable(error)),
                }
            }
            Ok(Kind::Link | Kind::Special) => chunk.skip(self.path.as_ref(), SkipReason::Special),
            Err(why) => chunk.skip(self.path.as_ref(), why),
        }
    }
}

impl Found {
    fn new(entry: &DirEntry) -> Self {
        let is_folder = entry.file_type().is_ok_and(|it| it.is_dir());
        let kind = match is_folder {
            true => Ok(Kind::Folder),
            false => entry.metadata().map(|it| kind(&it)),
        };
        Self { name: entry.file_name(), kind }
    }
}

fn kind(metadata: &cap_std::fs::Metadata) -> Kind {
    if metadata.is_file() {
        Kind::File(metadata.len(), Stat::of(metadata))
    } else if metadata.is_dir() {
        Kind::Folder
    } else if metadata.is_symlink() {
        Kind::Link
    } else {
        Kind::Special
    }
}

/// A file that is shared.
#[derive(Debug)]
pub struct Entry {
    /// As a peer asks for it.
    pub name: FileName,
    /// Its size.
    pub size: Size,
    /// What it has beside them.
    pub stat: Stat,
}

impl From<Entry> for Listed {
    fn from(entry: Entry) -> Self {
        Self { name: entry.name, size: entry.size, stat: entry.stat.into() }
    }
}

/// A piece of a listing.
#[derive(Debug, Default)]
pub struct Chunk {
    /// The files.
    pub entries: Vec<Entry>,
    /// What is there and not shared, for its owner to know.
    pub skipped: Vec<Skipped>,
    /// Nothing comes after this.
    pub done: bool,
}

impl Chunk {
    fn skip(&mut self, path: &Path, why: SkipReason) {
        self.skipped.push(Skipped { path: path.into(), why });
    }
}

/// An entry that is not shared. Printing it is safe: the path is escaped.
#[derive(Debug)]
pub struct Skipped {
    /// As a peer would see it, from the shared name on.
    pub path: PathBuf,
    /// Why.
    pub why: SkipReason,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not shared: {}", self.path, self.why)
    }
}

/// Why an entry is not shared.
#[derive(Debug)]
pub enum SkipReason {
    /// Its name is not UTF-8.
    NotText,
    /// Its name cannot stand on the wire.
    BadName(NameFault),
    /// A link that leaves the shared folder, or an absolute one.
    LinkOut,
    /// A link to a folder.
    LinkToFolder,
    /// A link to nothing.
    DeadLink,
    /// A pipe, a socket or a device.
    Special,
    /// The system does not let it be read, or it vanished.
    Unreadable(io::Error),
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText => write!(f, "its name is not UTF-8"),
            Self::BadName(why) => write!(f, "its name cannot be sent: {why}"),
            Self::LinkOut => write!(f, "it is a link that leaves the shared folder"),
            Self::LinkToFolder => write!(f, "it is a link to a folder"),
            Self::DeadLink => write!(f, "it is a link to nothing"),
            Self::Special => write!(f, "it is neither a file nor a folder"),
            Self::Unreadable(source) => write!(f, "{source}"),
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
