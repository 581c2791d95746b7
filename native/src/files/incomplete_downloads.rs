//! Incomplete downloads: partial files that earlier transfers left.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cap_fs_ext::DirExt as _;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, OpenOptions};
use xcher_core::PARTIAL_EXPIRY;
use xcher_core::secure::PublicKey;

use super::PARTIAL_FOLDER;
use super::partial_file::{Location, claim, is_plain, open};
use super::partial_name::{PartialEntry, part_name};

/// The most entries checked for expiry, so that a receiving folder opens at once whatever it contains. Others
/// are checked once those are removed.
const MAX_CHECKED_ENTRIES: usize = 4096;

/// The incomplete downloads in a receiving folder, for their owner to list and to remove.
#[derive(Debug)]
pub struct IncompleteDownloads {
    root: Dir,
    folder: Option<Dir>,
    path: PathBuf,
}

/// An incomplete download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncompleteDownload {
    /// The partial file.
    pub path: PathBuf,
    /// The name of the file; only its beginning, and any text, if [`from`](Self::from) is unknown. It is a
    /// peer's text and must be escaped.
    pub name: String,
    /// The bytes it has.
    pub bytes: u64,
    /// The size of the complete file, if it can be resumed.
    pub size: Option<u64>,
    /// The provider's key, if it can be resumed.
    pub from: Option<PublicKey>,
    /// The time it was started, if it can be resumed.
    pub started: Option<SystemTime>,
    /// The time it last grew.
    pub changed: SystemTime,
    /// True if a transfer of this process or another is writing it.
    pub in_use: bool,
    /// Its name in the folder of partial files.
    part: String,
}

impl IncompleteDownloads {
    /// Opens the receiving folder at `path`. Creates nothing.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn open(path: &Path) -> io::Result<Self> {
        let root = Dir::open_ambient_dir(path, ambient_authority())?;
        let folder = match root.open_dir_nofollow(PARTIAL_FOLDER) {
            Ok(folder) => Some(folder),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { root, folder, path: path.join(PARTIAL_FOLDER) })
    }

    /// Returns all of them, sorted by name. Other files in the folder are ignored.
    ///
    /// # Errors
    ///
    /// The system's error for the folder; a file that vanishes meanwhile is left out.
    pub fn list(&self) -> io::Result<Vec<IncompleteDownload>> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for name in names(folder)? {
            if let Some(PartialEntry::Part { stem }) = PartialEntry::parse(&name)
                && let Some(download) = self.describe(folder, &name, stem)
            {
                found.push(download);
            }
        }
        found.sort_by(|a, b| (&a.name, &a.part).cmp(&(&b.name, &b.part)));
        Ok(found)
    }

    fn describe(&self, folder: &Dir, part: &str, stem: &str) -> Option<IncompleteDownload> {
        let metadata = plain_metadata(folder, part)?;
        // A transfer that starts at this moment finds it locked, and creates a new file.
        let in_use = lock(folder, part).is_none();
        let location = Location { folder: folder.try_clone().ok()?, name: part.to_owned() };
        let state = location.state();
        let (size, from) = state.as_ref().map(|state| (state.key.size, state.key.from)).unzip();
        Some(IncompleteDownload {
            path: self.path.join(part),
            bytes: metadata.len(),
            size,
            from,
            started: state.as_ref().map(|state| state.started),
            changed: changed(&metadata)?,
            in_use,
            name: state.map_or_else(|| stem.to_owned(), |state| state.name.as_str().to_owned()),
            part: part.to_owned(),
        })
    }

    /// Removes one that is not in use. Returns false if it is, or no longer exists.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn remove(&self, download: &IncompleteDownload) -> io::Result<bool> {
        match &self.folder {
            Some(folder) => remove(folder, &download.part),
            None => Ok(false),
        }
    }

    /// Removes state files without a partial file, and the folder if it is empty.
    pub fn sweep(&self) {
        if let Some(folder) = &self.folder {
            for name in names(folder).into_iter().flatten() {
                remove_if_orphan(folder, &name);
            }
        }
        // Fails, as it should, unless the folder is empty.
        let _ = self.root.remove_dir(PARTIAL_FOLDER);
    }

    /// Removes partial files older than [`PARTIAL_EXPIRY`] in the receiving folder `root`. Those that cannot be
    /// removed stay, which does no harm.
    pub(super) fn expire(root: &Dir) {
        let Ok(folder) = root.open_dir_nofollow(PARTIAL_FOLDER) else { return };
        let now = SystemTime::now();
        for name in names(&folder).into_iter().flatten().take(MAX_CHECKED_ENTRIES) {
            let Some(entry) = PartialEntry::parse(&name) else { continue };
            let age = plain_metadata(&folder, &name).and_then(|metadata| changed(&metadata));
            let age = age.and_then(|changed| now.duration_since(changed).ok());
            if age.is_none_or(|age| age < PARTIAL_EXPIRY) {
                continue;
            }
            match entry {
                PartialEntry::Part { .. } => drop(remove(&folder, &name)),
                PartialEntry::State => remove_if_orphan(&folder, &name),
            }
        }
    }
}

/// Returns the names in the folder that are UTF-8; this program uses no others.
fn names(folder: &Dir) -> io::Result<impl Iterator<Item = String> + use<>> {
    let entries = folder.entries()?;
    // An error ends the iteration: the next call could return it again, forever.
    let entries = entries.map_while(Result::ok);
    Ok(entries.map(|entry| entry.file_name().into_string().unwrap_or_default()))
}

/// Returns the metadata of a regular file of this name.
fn plain_metadata(folder: &Dir, name: &str) -> Option<Metadata> {
    let metadata = folder.symlink_metadata(name).ok()?;
    is_plain(folder, &metadata).ok()?.then_some(metadata)
}

fn changed(metadata: &Metadata) -> Option<SystemTime> {
    metadata.modified().ok().map(cap_std::time::SystemTime::into_std)
}

/// Locks a partial file; `None` if it is in use, or if that cannot be determined.
fn lock(folder: &Dir, part: &str) -> Option<File> {
    let file = open(folder, part, OpenOptions::new().read(true)).ok()?;
    matches!(claim(folder, part, &file), Ok(true)).then_some(file)
}

fn remove(folder: &Dir, part: &str) -> io::Result<bool> {
    if plain_metadata(folder, part).is_none() {
        return Ok(false);
    }
    let Some(_locked) = lock(folder, part) else { return Ok(false) };
    let location = Location { folder: folder.try_clone()?, name: part.to_owned() };
    location.remove()?;
    Ok(true)
}

/// Removes a state file whose partial file does not exist.
fn remove_if_orphan(folder: &Dir, name: &str) {
    if PartialEntry::parse(name) != Some(PartialEntry::State)
        || plain_metadata(folder, name).is_none()
    {
        return;
    }
    let is_missing = |part: String| {
        let found = folder.symlink_metadata(part);
        found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    if part_name(name).is_some_and(is_missing) {
        let _ = folder.remove_file(name);
    }
}

#[cfg(all(test, unix))]
mod tests;
