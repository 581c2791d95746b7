//! What `xcher share PATH…` offers.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use xcher_core::{BadName, FileName, NameFault, Quoted, Size};

use super::pipe::Pipe;
use super::{HERE, Stat, Walk, is_own_part, is_own_place, leaves_root};

/// The files and folders that peers may list and fetch. Cheap to clone.
///
/// A folder is shared as `BASENAME/…`, a file as its base name; `/`, which has no name, without a
/// prefix. Links are followed only to a regular file inside the same shared folder; an absolute
/// link counts as one that leaves it. A link to a folder is not followed.
#[derive(Clone, Debug)]
pub struct Shares {
    by_name: Arc<BTreeMap<Box<str>, Arc<Share>>>,
    pipe: Option<Arc<Pipe>>,
}

#[derive(Debug)]
pub(super) struct Share {
    /// The shared folder, or the folder that holds the shared file.
    pub(super) root: Dir,
    pub(super) is_folder: bool,
}

impl Shares {
    /// No files at all.
    pub fn nothing() -> Self {
        Self { by_name: Arc::default(), pipe: None }
    }

    /// Opens every path. Each is resolved first: `.` is shared under the folder's own name, and a
    /// link under the name of what it leads to.
    ///
    /// # Errors
    ///
    /// [`ShareError`] for the first path that cannot be shared.
    pub fn open(paths: &[PathBuf]) -> Result<Self, ShareError> {
        let mut by_name = BTreeMap::new();
        let mut origins = BTreeMap::<Box<str>, PathBuf>::new();
        for path in paths {
            let (name, share) = open_share(path)?;
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
    pub fn is_pipe_alone(&self) -> bool {
        self.by_name.is_empty() && self.pipe.is_some()
    }

    /// The source of a shared pipe, for the first who asks for it.
    pub fn open_pipe(&self, name: &FileName) -> Option<File> {
        self.pipe_of(name)?.take()
    }

    /// The size if `name` is a shared regular file now, or a pipe.
    pub fn find(&self, name: &FileName) -> Option<Size> {
        if self.pipe_of(name).is_some() {
            return Some(Size::UNKNOWN);
        }
        let (share, path) = self.locate(name)?;
        share.size(path).map(Size::Exact)
    }

    /// Opens a shared file for reading, and says what it has beside its bytes. Never blocks on a pipe
    /// or a device.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: not shared, or not readable, or no longer of `size` bytes.
    pub fn open_file(&self, name: &FileName, size: u64) -> Result<(File, Stat), OpenError> {
        let (share, path) = self.locate(name).ok_or(OpenError::NotShared)?;
        // Looked at before it is opened: opening a device can already do something.
        share.size(path).ok_or(OpenError::NotShared)?;
        share.open_file(path, size)
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
    fn locate<'a>(&self, name: &'a FileName) -> Option<(&Share, &'a str)> {
        if is_own_place(name) || name.usable_on(HERE).is_err() {
            return None;
        }
        if let Some(everything) = self.by_name.get("") {
            return Some((everything, name.as_str()));
        }
        let (top, rest) = match name.as_str().split_once('/') {
            Some((top, rest)) => (top, Some(rest)),
            None => (name.as_str(), None),
        };
        let share = self.by_name.get(top)?;
        match (share.is_folder, rest) {
            (true, Some(rest)) => Some((share, rest)),
            (false, None) => Some((share, top)),
            (true, None) | (false, Some(_)) => None,
        }
    }
}

impl Share {
    fn size(&self, path: &str) -> Option<u64> {
        // What a link to a folder shows is not listed, so it is not found either.
        let folders_are_real = path
            .match_indices('/')
            .all(|(at, _)| self.root.symlink_metadata(&path[..at]).is_ok_and(|it| it.is_dir()));
        if !folders_are_real {
            return None;
        }
        let metadata = match self.is_folder {
            true => self.root.metadata(path),
            // A link that took the place of a single file could lead to a neighbour not shared.
            false => self.root.symlink_metadata(path),
        };
        metadata.ok().filter(|it| it.is_file()).map(|it| it.len())
    }

    fn open_file(&self, path: &str, size: u64) -> Result<(File, Stat), OpenError> {
        let follow = if self.is_folder { FollowSymlinks::Yes } else { FollowSymlinks::No };
        let mut options = OpenOptions::new();
        options.read(true).follow(follow).nonblock(true);
        let opened = self.root.open_with(path, &options).and_then(|file| {
            let metadata = file.metadata()?;
            Ok((file, metadata))
        });
        match opened {
            Ok((file, metadata)) if metadata.is_file() => match metadata.len() {
                got if got == size => Ok((file.into_std(), Stat::of(&metadata))),
                got => Err(OpenError::Changed { expected: size, got }),
            },
            Ok(_) => Err(OpenError::NotShared),
            Err(error) if leaves_root(&error) || is_gone(&error) => Err(OpenError::NotShared),
            Err(error) => Err(OpenError::Unreadable(error)),
        }
    }
}

/// Gone, or a link in its place, since it was looked at.
fn is_gone(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        return true;
    }
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn open_share(path: &Path) -> Result<(Box<str>, Share), ShareError> {
    let unreadable = |source| ShareError::Unreadable { path: path.into(), source };
    let whole = path.canonicalize().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ShareError::Missing { path: path.into() },
        _ => unreadable(source),
    })?;
    let metadata = whole.metadata().map_err(unreadable)?;
    if !metadata.is_dir() && !metadata.is_file() {
        return Err(ShareError::Special { path: path.into() });
    }
    let name: Box<str> = match whole.file_name() {
        None => "".into(),
        Some(base) => {
            let text = base.to_str().ok_or(ShareError::NotText { path: path.into() })?;
            FileName::parse(text)
                .map_err(|BadName { why, .. }| ShareError::BadName { path: path.into(), why })?;
            text.into()
        }
    };
    if is_own_part(&name) {
        return Err(ShareError::OwnPlace { path: path.into() });
    }
    let root = match whole.parent() {
        Some(parent) if metadata.is_file() => parent,
        _ => &whole,
    };
    let root = Dir::open_ambient_dir(root, ambient_authority()).map_err(unreadable)?;
    let share = Share { root, is_folder: metadata.is_dir() };
    // Said at the start, where the owner sees it, and not when the first peer asks.
    if share.is_folder {
        share.root.entries().map(drop).map_err(unreadable)?;
    } else {
        share.open_file(&name, metadata.len()).map(drop).map_err(|error| match error {
            OpenError::Unreadable(source) => unreadable(source),
            OpenError::NotShared | OpenError::Changed { .. } => {
                ShareError::Missing { path: path.into() }
            }
        })?;
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
    BadName {
        /// As it was given.
        path: PathBuf,
        /// What is wrong with the name.
        why: NameFault,
    },
    /// It is the folder of unfinished files.
    OwnPlace {
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
            Self::BadName { path, why } => {
                write!(f, "expected a name that peers can ask for, got {path:?}: {why}")
            }
            Self::OwnPlace { path } => {
                write!(f, "cannot share {path:?}: unfinished files are kept there")
            }
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
            Self::Unreadable(source) => write!(f, "cannot read it: {source}"),
        }
    }
}

impl std::error::Error for OpenError {}

#[cfg(all(test, unix))]
mod tests;
