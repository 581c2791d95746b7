//! The shared files and folders.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xcher_core::text::TextError;
use xcher_core::{FileName, Kind, Size};

use super::open_share::open_share;
use super::pipe::Pipe;
use super::share::Share;
use super::shared_text::SharedText;
use super::{
    NotShared, OpenError, Rules, ShareError, Stat, THIS_PLATFORM, Walk, is_in_partial_folder,
    wire_name,
};

/// The most reasons reported if nothing can be sent.
const MAX_REASONS: usize = 20;

/// The files and folders that peers can list and fetch. Cheap to clone.
///
/// A folder is shared as `BASENAME/…`, a file as its base name, both as given; `/`, which has no name,
/// without a prefix. [`Rules`] decide which contents of a folder are shared; no link leads out of it.
#[derive(Clone, Debug)]
pub struct Shares {
    by_name: Arc<BTreeMap<Box<str>, Arc<Share>>>,
    pipe: Option<Arc<Pipe>>,
    text: Option<Arc<SharedText>>,
}

impl Shares {
    /// Shares nothing.
    pub fn nothing() -> Self {
        Self { by_name: Arc::default(), pipe: None, text: None }
    }

    /// Opens every path, to be shared by the default rules.
    ///
    /// # Errors
    ///
    /// As [`open_by`](Self::open_by).
    pub fn open(paths: &[PathBuf]) -> Result<Self, ShareError> {
        Self::open_by(paths, &Rules::default())
    }

    /// Opens every path. A path that is a link is followed; `.` and `..` are shared under the folder's own
    /// name.
    ///
    /// # Errors
    ///
    /// [`ShareError`] for the first path that cannot be shared.
    pub fn open_by(paths: &[PathBuf], rules: &Rules) -> Result<Self, ShareError> {
        let mut by_name = BTreeMap::new();
        let mut path_of = BTreeMap::<Box<str>, PathBuf>::new();
        for path in paths {
            let (name, share) = open_share(path, rules)?;
            if name.is_empty() && paths.len() > 1 {
                return Err(ShareError::NoName { path: path.clone() });
            }
            if let Some(first) = path_of.insert(name.clone(), path.clone()) {
                return Err(ShareError::SameName { name, first, second: path.clone() });
            }
            by_name.insert(name, Arc::new(share));
        }
        Ok(Self { by_name: Arc::new(by_name), pipe: None, text: None })
    }

    /// Returns these shares and those of `added`.
    ///
    /// # Errors
    ///
    /// [`ShareError::SameName`] if a name is shared already, or one of the two is the root folder, which must be
    /// alone because everything is below it.
    pub fn merge(&self, added: &Self) -> Result<Self, ShareError> {
        let mut by_name = BTreeMap::clone(&self.by_name);
        for (name, share) in added.by_name.iter() {
            let conflicting = match name.is_empty() {
                true => by_name.values().next(),
                false => by_name.get(name).or_else(|| by_name.get("")),
            };
            if let Some(first) = conflicting {
                let (first, second) = (first.given.clone(), share.given.clone());
                return Err(ShareError::SameName { name: name.clone(), first, second });
            }
            by_name.insert(name.clone(), Arc::clone(share));
        }
        Ok(Self { by_name: Arc::new(by_name), ..self.clone() })
    }

    /// Returns the names under which the files and folders are shared.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(|name| &**name)
    }

    /// Returns these shares without the one of this name.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let mut by_name = BTreeMap::clone(&self.by_name);
        by_name.remove(name);
        Self { by_name: Arc::new(by_name), ..self.clone() }
    }

    /// Returns these shares with a pipe, named `name`.
    ///
    /// # Errors
    ///
    /// [`ShareError::PipeName`] if the name is, or may be, that of another file.
    pub fn with_pipe(self, name: FileName, source: File) -> Result<Self, ShareError> {
        let taken = name.parts().next().is_some_and(|top| self.by_name.contains_key(top));
        if taken || self.by_name.contains_key("") || is_in_partial_folder(&name) {
            return Err(ShareError::PipeName { name });
        }
        Ok(Self { pipe: Some(Arc::new(Pipe::new(name, source))), ..self })
    }

    /// Returns these shares with a text, which peers show instead of storing it; those that do not know texts
    /// store it as a file.
    ///
    /// # Errors
    ///
    /// [`TextError`] if it is empty or too long.
    pub fn with_text(self, text: &str) -> Result<Self, TextError> {
        let is_pipe =
            |name: &str| self.pipe.as_ref().is_some_and(|pipe| pipe.name.as_str() == name);
        let text = SharedText::new(text, |name| self.by_name.contains_key(name) || is_pipe(name))?;
        Ok(Self { text: Some(Arc::new(text)), ..self })
    }

    /// True if a text is all that is shared.
    pub fn is_a_text(&self) -> bool {
        self.text.is_some() && self.pipe.is_none() && self.by_name.is_empty()
    }

    /// True if a pipe is all that is shared.
    pub fn is_a_pipe(&self) -> bool {
        self.pipe.is_some() && self.text.is_none() && self.by_name.is_empty()
    }

    /// Returns the stream of a shared pipe, for the first who requests it.
    pub fn open_pipe(&self, name: &FileName) -> Option<File> {
        self.pipe_of(name)?.take()
    }

    /// Returns the path of what is shared as `name`, beginning with the path as given; `None` for a pipe, and
    /// for a name outside every share. Does not access the disk.
    pub fn path(&self, name: &FileName) -> Option<PathBuf> {
        let (share, path) = self.locate(name)?;
        match share.file {
            Some(_) => Some(share.given.clone()),
            None if path == Path::new(".") => Some(share.given.clone()),
            None => Some(share.given.join(path)),
        }
    }

    /// Returns the paths of what is shared, as given, with the names under which they are shared; true for a
    /// folder.
    pub fn paths(&self) -> impl Iterator<Item = (&str, &Path, bool)> {
        self.by_name.iter().map(|(name, share)| (&**name, &*share.given, share.file.is_none()))
    }

    /// Returns the name of a file at `below` in the folder that is shared as `share`; `None` if it has none.
    pub fn name_of(share: &str, below: &Path) -> Option<FileName> {
        let mut name = share.to_owned();
        for part in below {
            if !name.is_empty() {
                name.push('/');
            }
            name.push_str(&wire_name::of_part(part)?);
        }
        FileName::new(&name).ok()
    }

    /// Returns the current size and kind of what is shared as `name`.
    pub fn find(&self, name: &FileName) -> Option<(Size, Kind)> {
        if self.pipe_of(name).is_some() {
            return Some((Size::UNKNOWN, Kind::File));
        }
        if let Some(text) = self.text_of(name) {
            return Some((Size::Exact(text.size()), Kind::File));
        }
        let (share, path) = self.locate(name)?;
        let found = share.find(&path, name)?;
        Some((Size::Exact(found.size), found.stat.kind))
    }

    /// Returns the size if `name` is currently a shared regular file, or a pipe.
    #[cfg(all(test, unix))]
    pub(super) fn find_file(&self, name: &FileName) -> Option<Size> {
        self.find(name).filter(|(_, kind)| *kind == Kind::File).map(|(size, _)| size)
    }

    /// Opens a shared file for reading, and returns it with its stat. The bytes of a link are its target; a
    /// folder has none. Never blocks on a pipe or a device.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if it is not shared, not readable, or no longer of `size` bytes.
    pub fn open_file(&self, name: &FileName, size: u64) -> Result<(File, Stat), OpenError> {
        if let Some(text) = self.text_of(name) {
            let got = text.size();
            return match got == size {
                true => Ok((unnamed_file(text.text.as_bytes())?, text.stat())),
                false => Err(OpenError::Changed { expected: size, got }),
            };
        }
        let (share, path) = self.locate(name).ok_or(OpenError::NotShared)?;
        // Checked before it is opened: opening a device can have an effect.
        let found = share.find(&path, name).ok_or(OpenError::NotShared)?;
        match found.stat.kind {
            Kind::File => share.open_file(&found.real, size),
            _ if found.size != size => Err(OpenError::Changed { expected: size, got: found.size }),
            Kind::Folder => Ok((unnamed_file(b"")?, found.stat)),
            Kind::Link => {
                let target = share.link_target(&found.real, name).ok_or(OpenError::NotShared)?;
                Ok((unnamed_file(target.as_bytes())?, found.stat))
            }
        }
    }

    /// Checks that there is anything to send. Reads the disk.
    ///
    /// # Errors
    ///
    /// The first files that are left out, if there is not.
    pub fn check_any(&self) -> Result<(), Vec<NotShared>> {
        let mut walk = self.walk();
        let mut not_shared = Vec::new();
        loop {
            let chunk = walk.next_chunk(64);
            if !chunk.entries.is_empty() {
                return Ok(());
            }
            not_shared.extend(chunk.not_shared);
            not_shared.truncate(MAX_REASONS);
            if chunk.done {
                return Err(not_shared);
            }
        }
    }

    /// Returns a listing of everything shared, from its start.
    pub fn walk(&self) -> Walk {
        Walk::new(
            self.by_name.iter().map(|(name, share)| (name.clone(), Arc::clone(share))).collect(),
            self.pipe.as_ref().map(|pipe| pipe.name.clone()),
            self.text.as_ref().map(|text| text.entry()),
        )
    }

    fn pipe_of(&self, name: &FileName) -> Option<&Pipe> {
        self.pipe.as_deref().filter(|pipe| pipe.name == *name)
    }

    fn text_of(&self, name: &FileName) -> Option<&SharedText> {
        self.text.as_deref().filter(|text| text.name == *name)
    }

    /// Returns the share that contains `name`, and the path below its root.
    fn locate(&self, name: &FileName) -> Option<(&Share, PathBuf)> {
        if is_in_partial_folder(name) || name.check_platform(THIS_PLATFORM).is_err() {
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

/// Creates a file without a name, with these bytes.
fn unnamed_file(bytes: &[u8]) -> Result<File, OpenError> {
    let create = || {
        let mut file = tempfile::tempfile()?;
        file.write_all(bytes)?;
        file.rewind()?;
        Ok(file)
    };
    create().map_err(OpenError::Unreadable)
}

#[cfg(all(test, unix))]
mod tests;
