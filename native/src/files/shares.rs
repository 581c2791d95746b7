//! What `xcher share PATH…` offers.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, OpenOptions};
use xcher_core::{FileName, InvalidName, Kind, NameError, Quoted, Size, symlink_stays_inside};

use super::pipe::Pipe;
use super::rules::Id;
use super::{
    HERE, Links, Rules, Skipped, Stat, Walk, is_own_part, is_own_place, leaves_root, wire_name,
};

/// The files and folders that peers may list and fetch. Cheap to clone.
///
/// A folder is shared as `BASENAME/…`, a file as its base name, both as they were named; `/`, which has
/// no name, without a prefix. What is in a folder is shared by [`Rules`]; no link leads out of it.
#[derive(Clone, Debug)]
pub struct Shares {
    by_name: Arc<BTreeMap<Box<str>, Arc<Share>>>,
    pipe: Option<Arc<Pipe>>,
}

/// Reasons that are told where nothing can be sent.
const MOST_TOLD: usize = 20;

#[derive(Debug)]
pub(super) struct Share {
    /// As it was named.
    named: PathBuf,
    /// The shared folder, or the folder that holds the shared file.
    pub(super) root: Dir,
    /// The shared file's name in it.
    pub(super) file: Option<OsString>,
    pub(super) rules: Rules,
}

/// What is shared under a name.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) size: u64,
    pub(super) stat: Stat,
    /// Whether it has a place on a disk.
    pub(super) takes_room: bool,
    /// Where it is below the root, with no link on the way.
    pub(super) real: PathBuf,
}

impl Shares {
    /// No files at all.
    pub fn nothing() -> Self {
        Self { by_name: Arc::default(), pipe: None }
    }

    /// Opens every path, to be shared by the usual rules.
    ///
    /// # Errors
    ///
    /// As [`open_by`](Self::open_by).
    pub fn open(paths: &[PathBuf]) -> Result<Self, ShareError> {
        Self::open_by(paths, &Rules::default())
    }

    /// Opens every path. What is named is followed if it is a link; `.` and `..` are shared under the
    /// folder's own name.
    ///
    /// # Errors
    ///
    /// [`ShareError`] for the first path that cannot be shared.
    pub fn open_by(paths: &[PathBuf], rules: &Rules) -> Result<Self, ShareError> {
        let mut by_name = BTreeMap::new();
        let mut origins = BTreeMap::<Box<str>, PathBuf>::new();
        for path in paths {
            let (name, share) = open_share(path, rules)?;
            if name.is_empty() && paths.len() > 1 {
                return Err(ShareError::NoName { path: path.clone() });
            }
            if let Some(first) = origins.insert(name.clone(), path.clone()) {
                return Err(ShareError::SameName { name, first, second: path.clone() });
            }
            by_name.insert(name, Arc::new(share));
        }
        Ok(Self { by_name: Arc::new(by_name), pipe: None })
    }

    /// Returns these shares with one more path, and the name under which it is shared. Blocks on the disk.
    ///
    /// # Errors
    ///
    /// As [`open_by`](Self::open_by).
    pub fn with(&self, path: &Path, rules: &Rules) -> Result<(Self, Box<str>), ShareError> {
        let (name, share) = open_share(path, rules)?;
        let mut by_name = BTreeMap::clone(&self.by_name);
        // Everything is shared below the root folder, which therefore is alone.
        let in_the_way = match name.is_empty() {
            true => by_name.values().next(),
            false => by_name.get(&name).or_else(|| by_name.get("")),
        };
        if let Some(first) = in_the_way {
            let (first, second) = (first.named.clone(), path.to_owned());
            return Err(ShareError::SameName { name, first, second });
        }
        by_name.insert(name.clone(), Arc::new(share));
        Ok((Self { by_name: Arc::new(by_name), pipe: self.pipe.clone() }, name))
    }

    /// Returns these shares without the one of this name.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let mut by_name = BTreeMap::clone(&self.by_name);
        by_name.remove(name);
        Self { by_name: Arc::new(by_name), pipe: self.pipe.clone() }
    }

    /// The same with what comes from `source`, called `name`.
    ///
    /// # Errors
    ///
    /// [`ShareError::PipeName`] where the name is, or may be, that of something else.
    pub fn with_pipe(self, name: FileName, source: File) -> Result<Self, ShareError> {
        let taken = name.parts().next().is_some_and(|top| self.by_name.contains_key(top));
        if taken || self.by_name.contains_key("") || is_own_place(&name) {
            return Err(ShareError::PipeName { name });
        }
        Ok(Self { pipe: Some(Arc::new(Pipe::new(name, source))), ..self })
    }

    /// Whether a pipe is all that is shared.
    pub fn is_a_pipe(&self) -> bool {
        self.pipe.is_some() && self.by_name.is_empty()
    }

    /// The source of a shared pipe, for the first who asks for it.
    pub fn open_pipe(&self, name: &FileName) -> Option<File> {
        self.pipe_of(name)?.take()
    }

    /// Where what is shared as `name` would be, from what was named on; `None` for a pipe, and for what
    /// is in nothing that is shared. Does not look at the disk.
    pub fn path(&self, name: &FileName) -> Option<PathBuf> {
        let (share, path) = self.locate(name)?;
        match share.file {
            Some(_) => Some(share.named.clone()),
            None if path == Path::new(".") => Some(share.named.clone()),
            None => Some(share.named.join(path)),
        }
    }

    /// The size and kind of what is shared as `name` now.
    pub fn look(&self, name: &FileName) -> Option<(Size, Kind)> {
        if self.pipe_of(name).is_some() {
            return Some((Size::UNKNOWN, Kind::File));
        }
        let (share, path) = self.locate(name)?;
        let found = share.look(&path, name)?;
        Some((Size::Exact(found.size), found.stat.kind))
    }

    /// The size if `name` is a shared regular file now, or a pipe.
    #[cfg(test)]
    pub(super) fn find(&self, name: &FileName) -> Option<Size> {
        self.look(name).filter(|(_, kind)| *kind == Kind::File).map(|(size, _)| size)
    }

    /// Opens what is shared for reading, and says what it has beside its bytes. Those of a link are its
    /// target, and a folder has none. Never blocks on a pipe or a device.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: not shared, or not readable, or no longer of `size` bytes.
    pub fn open_file(&self, name: &FileName, size: u64) -> Result<(File, Stat), OpenError> {
        let (share, path) = self.locate(name).ok_or(OpenError::NotShared)?;
        // Looked at before it is opened: opening a device can already do something.
        let found = share.look(&path, name).ok_or(OpenError::NotShared)?;
        match found.stat.kind {
            Kind::File => share.open_file(&found.real, size),
            _ if found.size != size => Err(OpenError::Changed { expected: size, got: found.size }),
            Kind::Folder => Ok((text(b"")?, found.stat)),
            Kind::Link => {
                let target = share.link_target(&found.real, name).ok_or(OpenError::NotShared)?;
                Ok((text(target.as_bytes())?, found.stat))
            }
        }
    }

    /// Whether there is anything to send; what is left out, where there is nothing. Reads the disk.
    ///
    /// # Errors
    ///
    /// What was left out before anything was found.
    pub fn check_any(&self) -> Result<(), Vec<Skipped>> {
        let mut walk = self.walk();
        let mut skipped = Vec::new();
        loop {
            let chunk = walk.next_chunk(64);
            if !chunk.entries.is_empty() {
                return Ok(());
            }
            skipped.extend(chunk.skipped);
            skipped.truncate(MOST_TOLD);
            if chunk.done {
                return Err(skipped);
            }
        }
    }

    /// A listing of everything shared, from its start.
    pub fn walk(&self) -> Walk {
        Walk::new(
            self.by_name.iter().map(|(name, share)| (name.clone(), Arc::clone(share))).collect(),
            self.pipe.as_ref().map(|pipe| pipe.name.clone()),
        )
    }

    fn pipe_of(&self, name: &FileName) -> Option<&Pipe> {
        self.pipe.as_deref().filter(|pipe| pipe.name == *name)
    }

    /// The share that holds `name`, and the path below its root.
    fn locate(&self, name: &FileName) -> Option<(&Share, PathBuf)> {
        if is_own_place(name) || name.check_platform(HERE).is_err() {
            return None;
        }
        if let Some(everything) = self.by_name.get("") {
            return Some((everything, wire_name::to_path(name.as_str())?));
        }
        let (top, rest) = match name.as_str().split_once('/') {
            Some((top, rest)) => (top, Some(rest)),
            None => (name.as_str(), None),
        };
        let share = self.by_name.get(top)?;
        match (&share.file, rest) {
            (None, Some(rest)) => Some((share, wire_name::to_path(rest)?)),
            (None, None) => Some((share, ".".into())),
            (Some(file), None) => Some((share, file.into())),
            (Some(_), Some(_)) => None,
        }
    }
}

impl Share {
    /// What is at `path`, if it is shared.
    pub(super) fn look(&self, path: &Path, name: &FileName) -> Option<Found> {
        if self.file.is_some() {
            // A link that took the place of a single file could lead to a neighbour not shared.
            let found = self.root.symlink_metadata(path).ok()?;
            return (found.is_file() && !self.rules.own.has(Id::of(&found))).then(|| Found {
                size: found.len(),
                stat: Stat::of(&found),
                takes_room: takes_room(&found),
                real: path.into(),
            });
        }
        let real = match self.rules.links {
            Links::Follow => {
                self.check_names(path)?;
                self.root.canonicalize(path).ok()?
            }
            Links::Skip | Links::Keep => path.into(),
        };
        self.check_names(&real)?;
        let found = self.root.symlink_metadata(&real).ok()?;
        let own = self.rules.own.now(Id::of(&found));
        let mut private = false;
        // What a link to a folder shows is not listed, so it is not found either.
        for folder in real.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
            let above = self.root.symlink_metadata(folder).ok()?;
            if !above.is_dir() || own.contains(&Id::of(&above)) {
                return None;
            }
            private |= Stat::of(&above).private;
        }
        if own.contains(&Id::of(&found)) {
            return None;
        }
        let mut stat = Stat::of(&found);
        stat.private |= private && stat.kind != Kind::Link;
        let size = match stat.kind {
            Kind::File if found.is_file() => found.len(),
            Kind::File => return None,
            Kind::Folder => 0,
            Kind::Link => self.link_target(&real, name)?.len() as u64,
        };
        Some(Found { size, stat, takes_room: takes_room(&found), real })
    }

    /// Whether no part of a path is hidden.
    fn check_names(&self, path: &Path) -> Option<()> {
        let hides = |part: Component<'_>| match part {
            Component::Normal(part) => self.rules.hides(part),
            _ => false,
        };
        (!path.components().any(hides)).then_some(())
    }

    /// The target of a link that is sent as one.
    pub(super) fn link_target(&self, path: &Path, name: &FileName) -> Option<String> {
        if self.rules.links != Links::Keep {
            return None;
        }
        let target =
            self.root.read_link_contents(path).ok()?.into_os_string().into_string().ok()?;
        symlink_stays_inside(name.borrowed(), &target).then_some(target)
    }

    fn open_file(&self, path: &Path, size: u64) -> Result<(File, Stat), OpenError> {
        let mut options = OpenOptions::new();
        options.read(true).follow(FollowSymlinks::No).nonblock(true);
        let opened = self.root.open_with(path, &options).and_then(|file| {
            let metadata = file.metadata()?;
            Ok((file.into_std(), metadata))
        });
        match opened {
            Ok((_, metadata)) if self.rules.own.has(Id::of(&metadata)) => Err(OpenError::NotShared),
            Ok((file, metadata)) if metadata.is_file() => match metadata.len() {
                got if got != size => Err(OpenError::Changed { expected: size, got }),
                _ if tells_its_size(&file, size)? => Ok((file, Stat::of(&metadata))),
                _ => Err(OpenError::NoSize),
            },
            Ok(_) => Err(OpenError::NotShared),
            Err(error) if leaves_root(&error) || is_gone(&error) => Err(OpenError::NotShared),
            Err(error) => Err(OpenError::Unreadable(error)),
        }
    }

    /// Whether a file of this size can be read, as far as that shows without reading it. One that takes no
    /// room on a disk is opened: it may be what a system tells of itself, and have other bytes than that.
    pub(super) fn check_readable(
        &self,
        path: &Path,
        size: u64,
        takes_room: bool,
    ) -> Result<(), OpenError> {
        match takes_room {
            false => self.open_file(path, size).map(drop),
            true => self.check_access(path).map_err(OpenError::Unreadable),
        }
    }

    /// Whether a file can be read, as far as the system says before it is opened.
    #[cfg(unix)]
    fn check_access(&self, path: &Path) -> io::Result<()> {
        use rustix::fs::{Access, AtFlags, accessat};
        Ok(accessat(&self.root, path, Access::READ_OK, AtFlags::EACCESS)?)
    }

    #[cfg(not(unix))]
    fn check_access(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a file ends where its size says. What a system tells of itself in files often has bytes and no
/// size, or the size of a page and fewer bytes.
fn tells_its_size(mut file: &File, size: u64) -> Result<bool, OpenError> {
    let mut read = || {
        file.seek(SeekFrom::Start(size.saturating_sub(1)))?;
        let got = file.read(&mut [0])?;
        file.rewind()?;
        Ok(got as u64 == size.min(1))
    };
    read().map_err(OpenError::Unreadable)
}

/// Whether a file has a place on a disk, as what a system tells of itself has not.
#[cfg(unix)]
pub(super) fn takes_room(found: &Metadata) -> bool {
    cap_std::fs::MetadataExt::blocks(found) > 0
}

#[cfg(not(unix))]
pub(super) fn takes_room(found: &Metadata) -> bool {
    found.len() > 0
}

/// A file with this in it, and without a name.
fn text(bytes: &[u8]) -> Result<File, OpenError> {
    let make = || {
        let mut file = tempfile::tempfile()?;
        file.write_all(bytes)?;
        file.rewind()?;
        Ok(file)
    };
    make().map_err(OpenError::Unreadable)
}

/// Gone, or a link in its place, since it was looked at.
fn is_gone(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        return true;
    }
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn open_share(path: &Path, rules: &Rules) -> Result<(Box<str>, Share), ShareError> {
    let unreadable = |source| ShareError::Unreadable { path: path.into(), source };
    let whole = path.canonicalize().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ShareError::Missing { path: path.into() },
        _ => unreadable(source),
    })?;
    let metadata = whole.metadata().map_err(unreadable)?;
    if !metadata.is_dir() && !metadata.is_file() {
        return Err(ShareError::Special { path: path.into() });
    }
    if rules.own.hold(&whole) {
        return Err(ShareError::Own { path: path.into() });
    }
    let name: Box<str> = match path.file_name().or(whole.file_name()) {
        None => "".into(),
        Some(base) => {
            let text = wire_name::of_part(base).ok_or(ShareError::NotText { path: path.into() })?;
            FileName::parse(&text).map_err(|InvalidName { reason: why, .. }| {
                ShareError::InvalidName { path: path.into(), why }
            })?;
            text.into()
        }
    };
    if is_own_part(&name) {
        return Err(ShareError::OwnPlace { path: path.into() });
    }
    let file = whole.file_name().filter(|_| metadata.is_file()).map(OsStr::to_os_string);
    let root = match whole.parent() {
        Some(parent) if file.is_some() => parent,
        _ => &whole,
    };
    let root = Dir::open_ambient_dir(root, ambient_authority()).map_err(unreadable)?;
    let share = Share { named: path.into(), root, file, rules: rules.clone() };
    // Said at the start, where the owner sees it, and not when the first peer asks.
    match &share.file {
        None => share.root.entries().map(drop).map_err(unreadable)?,
        Some(file) => {
            let opened = share.open_file(file.as_ref(), metadata.len());
            opened.map(drop).map_err(|error| match error {
                OpenError::Unreadable(source) => unreadable(source),
                OpenError::NoSize => ShareError::NoSize { path: path.into() },
                OpenError::NotShared | OpenError::Changed { .. } => {
                    ShareError::Missing { path: path.into() }
                }
            })?;
        }
    }
    Ok((name, share))
}

/// Why a path cannot be shared.
#[derive(Debug)]
pub enum ShareError {
    /// Nothing is there.
    Missing {
        /// As it was given.
        path: PathBuf,
    },
    /// The system does not let it be read.
    Unreadable {
        /// As it was given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A pipe, a socket or a device.
    Special {
        /// As it was given.
        path: PathBuf,
    },
    /// Its name is not UTF-8.
    NotText {
        /// As it was given.
        path: PathBuf,
    },
    /// Its name cannot stand on the wire.
    InvalidName {
        /// As it was given.
        path: PathBuf,
        /// What is wrong with the name.
        why: NameError,
    },
    /// It is the folder of unfinished files.
    OwnPlace {
        /// As it was given.
        path: PathBuf,
    },
    /// It belongs to the program itself: keys, configuration.
    Own {
        /// As it was given.
        path: PathBuf,
    },
    /// A file that tells no size and has bytes, as those of `/proc` do.
    NoSize {
        /// As it was given.
        path: PathBuf,
    },
    /// `/` beside other paths: its content has no prefix of its own.
    NoName {
        /// As it was given.
        path: PathBuf,
    },
    /// Two paths would be shared under one name.
    SameName {
        /// The name.
        name: Box<str>,
        /// As it was given.
        first: PathBuf,
        /// As it was given.
        second: PathBuf,
    },
    /// What comes from a pipe cannot be called so beside what else is shared.
    PipeName {
        /// The name.
        name: FileName,
    },
}

impl fmt::Display for ShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path } => {
                write!(f, "expected a file or folder to share, got nothing at {path:?}")
            }
            Self::Unreadable { path, source } => write!(f, "cannot share {path:?}: {source}"),
            Self::Special { path } => write!(
                f,
                "expected a file or folder to share, got a pipe, socket or device: {path:?}"
            ),
            Self::NotText { path } => {
                write!(f, "expected a name in UTF-8 to share, got {path:?}")
            }
            Self::InvalidName { path, why } => {
                write!(f, "expected a name that peers can ask for, got {path:?}: {why}")
            }
            Self::OwnPlace { path } => {
                write!(f, "cannot share {path:?}: unfinished files are kept there")
            }
            Self::Own { path } => {
                write!(f, "cannot share {path:?}: this program keeps its keys or settings there")
            }
            Self::NoSize { path } => write!(
                f,
                "cannot share {path:?}: it does not tell its size; pipe it: cat {path:?} | xcher send -"
            ),
            Self::NoName { path } => {
                write!(f, "{path:?} has no name of its own: share it alone")
            }
            Self::SameName { name, first, second } => {
                write!(f, "{first:?} and {second:?} would both be shared as {name:?}")
            }
            Self::PipeName { name } => {
                let name = Quoted(name.as_str());
                write!(f, "expected a free name for what comes from the pipe, got {name}")
            }
        }
    }
}

impl std::error::Error for ShareError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Why a file that a peer asked for is not opened.
#[derive(Debug)]
pub enum OpenError {
    /// No such name, or not a regular file, or a link that leaves the shared folder.
    NotShared,
    /// It has another size than was listed.
    Changed {
        /// Bytes, as the peer asked.
        expected: u64,
        /// Bytes, as it is now.
        got: u64,
    },
    /// It has bytes, and tells no size.
    NoSize,
    /// The system does not let it be read.
    Unreadable(io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotShared => write!(f, "no such file is shared"),
            Self::Changed { expected, got } => {
                write!(f, "expected a file of {expected} bytes, got one of {got}: it has changed")
            }
            Self::NoSize => write!(f, "it does not tell how many bytes it has"),
            Self::Unreadable(source) => write!(f, "cannot read it: {source}"),
        }
    }
}

impl std::error::Error for OpenError {}

#[cfg(all(test, unix))]
mod tests;
