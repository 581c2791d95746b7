//! Lists what is shared, in bounded memory.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::vec;

use cap_fs_ext::DirExt;
use cap_std::fs::{Dir, DirEntry, Metadata, ReadDir};
use xcher_core::{FileName, Size};

use super::chunk::{Chunk, Entry, Escaped, SkipReason};
use super::rules::Id;
use super::shares::{Share, takes_room};
use super::{Links, Stat, is_own_part, leaves_root, wire_name};

/// A listing under way. It reads the disk, so it belongs on a thread that may block.
///
/// Folders come in the order of their names, and so does what is in them, as long as a folder has
/// at most 4,096 entries; a larger one is listed in sorted runs of that length. A folder from which
/// nothing comes is listed itself, once it is read, unless it has things that cannot be sent: it would be
/// taken for an empty one. A private folder is listed before what comes from it, so that it is made so before
/// anything lands there, and all that is in one is private. Memory does not depend on the number of files, and
/// its depth is bounded by what a name can hold. A folder that has been read to its end is not kept open.
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
    /// What has a dot in front of its name in the current share, and what is the program's own.
    dotted: u64,
    own: u64,
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
    about: About,
}

/// What is known of a folder however often its reading goes on.
#[derive(Debug)]
struct About {
    id: Id,
    stat: Stat,
    /// Whether something came from it.
    yields: bool,
    /// Whether something in it cannot be sent.
    lacks: bool,
    /// Whether it, or a folder that it is in, is its owner's alone.
    private: bool,
    /// Whether it was listed itself.
    listed: bool,
}

#[derive(Debug)]
struct Found {
    name: OsString,
    kind: io::Result<Kind>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    File { size: u64, takes_room: bool, stat: Stat, id: Id },
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
            dotted: 0,
            own: 0,
        }
    }

    /// The next files, at most `max` of them and of what is skipped together, and the private folders that
    /// the last of them is in.
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
                if self.tell_hidden(&mut chunk) {
                    continue;
                }
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
            } else if let Some(Folder { rest, about, .. }) = self.folders.pop() {
                match rest {
                    Some(rest) => self.read(rest, about, &mut chunk),
                    None => self.end(&about, &mut chunk),
                }
            }
        }
        chunk
    }

    /// The folder at `path` is read.
    fn end(&mut self, about: &About, chunk: &mut Chunk) {
        let is_empty = !about.yields && !about.lacks;
        if is_empty && let Ok(name) = FileName::parse(self.path.trim_end_matches('/')) {
            let stat = Stat { private: about.private, ..about.stat };
            self.give(Entry { name: name.to_owned(), size: Size::Exact(0), stat }, chunk);
        }
        if let Some(above) = self.folders.last_mut() {
            above.about.yields |= about.yields || is_empty;
            above.about.lacks |= about.lacks;
        }
    }

    /// Lists something that is in the innermost folder, and before it the private folders that it is in.
    fn give(&mut self, mut entry: Entry, chunk: &mut Chunk) {
        for folder in &mut self.folders {
            let about = &mut folder.about;
            entry.stat.private |= about.private && entry.stat.kind != xcher_core::Kind::Link;
            if !about.stat.private || std::mem::replace(&mut about.listed, true) {
                continue;
            }
            // The root of all has no name.
            let name = self.path.get(..folder.path).map(|path| path.trim_end_matches('/'));
            if let Some(Ok(name)) = name.map(FileName::parse) {
                let (name, size) = (name.to_owned(), Size::Exact(0));
                chunk.entries.push(Entry { name, size, stat: about.stat });
            }
        }
        if let Some(folder) = self.folders.last_mut() {
            folder.about.yields = true;
        }
        chunk.entries.push(entry);
    }

    /// How much is hidden in the share that ends, in one line: its names are nobody else's business.
    fn tell_hidden(&mut self, chunk: &mut Chunk) -> bool {
        let (dotted, own) = (std::mem::take(&mut self.dotted), std::mem::take(&mut self.own));
        if dotted + own == 0 {
            return false;
        }
        let share = self.path.get(..self.prefix).unwrap_or_default().trim_end_matches('/');
        chunk.skip(share.as_ref(), share, SkipReason::Hidden { dotted, own });
        true
    }

    fn begin(&mut self, name: &str, share: Arc<Share>, chunk: &mut Chunk) {
        self.path.clear();
        self.prefix = 0;
        if let Some(file) = &share.file {
            return begin_file(&share, file.as_ref(), name, chunk);
        }
        self.path.push_str(name);
        if !name.is_empty() {
            self.path.push('/');
        }
        self.prefix = self.path.len();
        let root = open_folder(share.root.try_clone());
        self.current = Some(share);
        match root {
            Ok((rest, about)) => self.read(rest, about, chunk),
            Err(why) => self.skip(why, chunk),
        }
    }

    /// Reads the next run of the folder at `path` and puts it on top.
    fn read(&mut self, mut rest: ReadDir, mut about: About, chunk: &mut Chunk) {
        let held: usize = self.folders.iter().map(|folder| folder.found.capacity()).sum();
        let run = HELD.saturating_sub(held).clamp(SHORTEST_RUN, RUN);
        let mut found = Vec::new();
        let mut ended = false;
        while found.len() < run {
            match rest.next() {
                Some(Ok(entry)) => found.push(Found::new(&entry)),
                Some(Err(error)) => {
                    self.skip(SkipReason::Unreadable(error), chunk);
                    about.lacks = true;
                    ended = true;
                }
                None => ended = true,
            }
            if ended {
                break;
            }
        }
        about.private |= self.folders.last().is_some_and(|above| above.about.private);
        found.sort_unstable_by(|a, b| b.name.cmp(&a.name));
        let rest = (!ended).then_some(rest);
        self.folders.push(Folder { path: self.path.len(), found, rest, about });
    }

    /// Leaves out what is at `path`. The folder that it is in lacks it, unless it is gone.
    fn skip(&mut self, why: SkipReason, chunk: &mut Chunk) {
        if let Some(above) = self.folders.last_mut() {
            above.about.lacks |= !why.is_gone();
        }
        let wire = self.path.trim_end_matches('/');
        let path = wire_name::to_path(wire).unwrap_or_else(|| wire.into());
        chunk.skip(&path, wire, why);
    }

    /// Judges one entry of the folder at `path`.
    fn look(&mut self, found: Found, chunk: &mut Chunk) {
        let Some(share) = self.current.clone() else { return };
        if found.name.to_str().is_some_and(is_own_part) {
            return;
        }
        if share.rules.hides(&found.name) {
            self.dotted += 1;
            return;
        }
        let Some(part) = wire_name::of_part(&found.name) else {
            let path = Path::new(&self.path).join(&found.name);
            let lossy = [&self.path, &*found.name.to_string_lossy()].concat();
            if let Some(above) = self.folders.last_mut() {
                above.about.lacks = true;
            }
            return chunk.skip(&path, &lossy, SkipReason::NotText);
        };
        self.path.push_str(&part);
        let name = match FileName::parse(&self.path) {
            Ok(name) => name.to_owned(),
            // A better name would change nothing for what is no file.
            Err(bad) => {
                let why = match found.kind {
                    Ok(Kind::Link) if share.rules.links == Links::Skip => SkipReason::Link,
                    Ok(Kind::Special) => SkipReason::Special,
                    _ => SkipReason::InvalidName(bad.reason),
                };
                return self.skip(why, chunk);
            }
        };
        let Some(below) = wire_name::to_path(&self.path[self.prefix..]) else { return };
        if let Cow::Owned(_) = part {
            let path = wire_name::to_path(&self.path).unwrap_or_default();
            chunk.escaped.push(Escaped { path, name: name.clone() });
        }
        match judge(&share, found.kind, &below, &name) {
            Ok(Judged::Entry(size, stat)) => {
                self.give(Entry { name, size: Size::Exact(size), stat }, chunk);
            }
            Ok(Judged::Folder(_, about)) if share.rules.own.has(about.id) => self.own += 1,
            Ok(Judged::Folder(rest, about)) => {
                if self.folders.iter().any(|above| above.about.id == about.id) {
                    self.skip(SkipReason::LinkAbove, chunk);
                } else {
                    self.path.push('/');
                    self.read(rest, about, chunk);
                }
            }
            Ok(Judged::Own) => self.own += 1,
            Err(why) => self.skip(why, chunk),
        }
    }
}

/// A file that is shared by itself.
fn begin_file(share: &Share, file: &Path, name: &str, chunk: &mut Chunk) {
    let named = FileName::parse(name).ok().map(FileName::<&str>::to_owned);
    let found = named.and_then(|name| Some((share.look(file, &name)?, name)));
    let Some((found, named)) = found else {
        let there = share.root.symlink_metadata(file);
        let why = there.map_or_else(SkipReason::Unreadable, |_| SkipReason::Special);
        return chunk.skip(file, name, why);
    };
    if let Err(why) = share.check_readable(file, found.size, found.takes_room) {
        return chunk.skip(file, name, why.into());
    }
    if xcher_core::is_escaped(name) {
        chunk.escaped.push(Escaped { path: file.into(), name: named.clone() });
    }
    chunk.entries.push(Entry { name: named, size: Size::Exact(found.size), stat: found.stat });
}

enum Judged {
    Entry(u64, Stat),
    Folder(ReadDir, About),
    /// It is the program's own.
    Own,
}

/// Whether and how what is at `below` is shared.
fn judge(
    share: &Share,
    kind: io::Result<Kind>,
    below: &Path,
    name: &FileName,
) -> Result<Judged, SkipReason> {
    match kind.map_err(SkipReason::Unreadable)? {
        Kind::File { id, .. } if share.rules.own.has(id) => Ok(Judged::Own),
        Kind::File { size, takes_room, stat, .. } => {
            share.check_readable(below, size, takes_room)?;
            Ok(Judged::Entry(size, stat))
        }
        Kind::Folder => judge_folder(share.root.open_dir_nofollow(below)),
        Kind::Special => Err(SkipReason::Special),
        Kind::Link => judge_link(share, below, name),
    }
}

fn judge_link(share: &Share, below: &Path, name: &FileName) -> Result<Judged, SkipReason> {
    match share.rules.links {
        Links::Skip => Err(SkipReason::Link),
        Links::Keep => match share.look(below, name) {
            Some(found) => Ok(Judged::Entry(found.size, found.stat)),
            None => Err(SkipReason::LinkOut),
        },
        // Looked at from the root: a link may lead anywhere inside it.
        Links::Follow => match share.root.metadata(below) {
            Ok(_) => match share.look(below, name) {
                Some(found) if found.stat.kind == xcher_core::Kind::Folder => {
                    let (rest, mut about) = open_folder(share.root.open_dir(below))?;
                    about.private |= found.stat.private;
                    Ok(Judged::Folder(rest, about))
                }
                Some(found) => {
                    share.check_readable(&found.real, found.size, found.takes_room)?;
                    Ok(Judged::Entry(found.size, found.stat))
                }
                // Something hidden, for example.
                None => Err(SkipReason::LinkOut),
            },
            Err(error) if leaves_root(&error) => Err(SkipReason::LinkOut),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(SkipReason::DeadLink),
            Err(error) => Err(SkipReason::Unreadable(error)),
        },
    }
}

fn judge_folder(opened: io::Result<Dir>) -> Result<Judged, SkipReason> {
    open_folder(opened).map(|(rest, about)| Judged::Folder(rest, about))
}

fn open_folder(opened: io::Result<Dir>) -> Result<(ReadDir, About), SkipReason> {
    use cap_fs_ext::MetadataExt as _;
    let read = opened.and_then(|dir| {
        let found = dir.dir_metadata()?;
        // One that was removed is read as an empty one.
        if cfg!(unix) && found.nlink() == 0 {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok((dir.entries()?, About::new(&found)))
    });
    read.map_err(SkipReason::Unreadable)
}

impl About {
    fn new(found: &Metadata) -> Self {
        let (id, stat) = (Id::of(found), Stat::of(found));
        Self { id, stat, yields: false, lacks: false, private: stat.private, listed: false }
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

fn kind(metadata: &Metadata) -> Kind {
    if metadata.is_file() {
        let (size, takes_room) = (metadata.len(), takes_room(metadata));
        Kind::File { size, takes_room, stat: Stat::of(metadata), id: Id::of(metadata) }
    } else if metadata.is_dir() {
        Kind::Folder
    } else if metadata.is_symlink() {
        Kind::Link
    } else {
        Kind::Special
    }
}

#[cfg(all(test, unix))]
mod tests;
