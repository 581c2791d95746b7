//! What earlier transfers left behind.

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
use super::partial_file::{Place, claim, is_plain, open};
use super::partial_name::{Ours, part_name};

/// Entries looked at for what has expired, so that a receiving folder is open at once whatever it
/// holds. What is beyond them is reached when those are gone.
const LOOKED_AT: usize = 4096;

/// The unfinished files in a receiving folder, for their owner to see and to remove.
#[derive(Debug)]
pub struct Unfinished {
    root: Dir,
    folder: Option<Dir>,
    path: PathBuf,
}

/// An unfinished file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Where it is.
    pub path: PathBuf,
    /// What it is to be called; only the beginning of that where [`from`](Self::from) is not known.
    /// It is a stranger's text, and any text where that is so.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// The length of the whole file, where it can be continued.
    pub size: Option<u64>,
    /// Who sends it, where it can be continued.
    pub from: Option<PublicKey>,
    /// When it was begun, where it can be continued.
    pub started: Option<SystemTime>,
    /// When it last grew.
    pub changed: SystemTime,
    /// Whether a transfer works on it now, of this process or another.
    pub in_use: bool,
    /// Its name in the folder of unfinished files.
    part: String,
}

impl Unfinished {
    /// Opens the receiving folder at `path`. Nothing is created.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let root = Dir::open_ambient_dir(path, ambient_authority())?;
        let folder = match root.open_dir_nofollow(PARTIAL_FOLDER) {
            Ok(folder) => Some(folder),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { root, folder, path: path.join(PARTIAL_FOLDER) })
    }

    /// All of them, in the order of their names. What is there and is no unfinished file is left out.
    ///
    /// # Errors
    ///
    /// What the system says of the folder; a file that vanishes meanwhile is left out.
    pub fn list(&self) -> io::Result<Vec<Leftover>> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for name in names(folder)? {
            if let Some(Ours::Part { stem }) = Ours::parse(&name)
                && let Some(leftover) = self.look(folder, &name, stem)
            {
                found.push(leftover);
            }
        }
        found.sort_by(|a, b| (&a.name, &a.part).cmp(&(&b.name, &b.part)));
        Ok(found)
    }

    fn look(&self, folder: &Dir, part: &str, stem: &str) -> Option<Leftover> {
        let metadata = plain(folder, part)?;
        // A transfer that begins in this moment finds it in use, and takes a new file.
        let in_use = lock(folder, part).is_none();
        let place = Place { folder: folder.try_clone().ok()?, name: part.to_owned() };
        let known = place.known();
        let (size, from) = known.as_ref().map(|it| (it.origin.size, it.origin.from)).unzip();
        Some(Leftover {
            path: self.path.join(part),
            bytes: metadata.len(),
            size,
            from,
            started: known.as_ref().map(|it| it.started),
            changed: changed(&metadata)?,
            in_use,
            name: known.map_or_else(|| stem.to_owned(), |it| it.name.as_str().to_owned()),
            part: part.to_owned(),
        })
    }

    /// Removes one that is not in use; whether it has gone.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn remove(&self, leftover: &Leftover) -> io::Result<bool> {
        match &self.folder {
            Some(folder) => remove(folder, &leftover.part),
            None => Ok(false),
        }
    }

    /// Removes what belongs to none of them, and their folder if it is empty then.
    pub fn sweep(&self) {
        if let Some(folder) = &self.folder {
            for name in names(folder).into_iter().flatten() {
                remove_if_orphan(folder, &name);
            }
        }
        // Fails, as it should, while anything is in it.
        let _ = self.root.remove_dir(PARTIAL_FOLDER);
    }

    /// Removes what is older than [`PARTIAL_EXPIRY`] in the receiving folder `root`. What cannot be removed
    /// stays: it is in nobody's way.
    pub(super) fn expire(root: &Dir) {
        let Ok(folder) = root.open_dir_nofollow(PARTIAL_FOLDER) else { return };
        let now = SystemTime::now();
        for name in names(&folder).into_iter().flatten().take(LOOKED_AT) {
            let Some(ours) = Ours::parse(&name) else { continue };
            let age = plain(&folder, &name).and_then(|metadata| changed(&metadata));
            let age = age.and_then(|changed| now.duration_since(changed).ok());
            if age.is_none_or(|age| age < PARTIAL_EXPIRY) {
                continue;
            }
            match ours {
                Ours::Part { .. } => drop(remove(&folder, &name)),
                Ours::State => remove_if_orphan(&folder, &name),
            }
        }
    }
}

/// The names in the folder that are text; all others are not ours.
fn names(folder: &Dir) -> io::Result<impl Iterator<Item = String> + use<>> {
    let entries = folder.entries()?;
    // An error is the end: to ask again could bring it for ever.
    let entries = entries.map_while(Result::ok);
    Ok(entries.map(|entry| entry.file_name().into_string().unwrap_or_default()))
}

/// What is known of a regular file of this name.
fn plain(folder: &Dir, name: &str) -> Option<Metadata> {
    let metadata = folder.symlink_metadata(name).ok()?;
    is_plain(folder, &metadata).ok()?.then_some(metadata)
}

fn changed(metadata: &Metadata) -> Option<SystemTime> {
    metadata.modified().ok().map(cap_std::time::SystemTime::into_std)
}

/// Locks an unfinished file; `None` where it is in use, and where that cannot be known.
fn lock(folder: &Dir, part: &str) -> Option<File> {
    let file = open(folder, part, OpenOptions::new().read(true)).ok()?;
    matches!(claim(folder, part, &file), Ok(true)).then_some(file)
}

fn remove(folder: &Dir, part: &str) -> io::Result<bool> {
    if plain(folder, part).is_none() {
        return Ok(false);
    }
    let Some(_locked) = lock(folder, part) else { return Ok(false) };
    let place = Place { folder: folder.try_clone()?, name: part.to_owned() };
    place.remove()?;
    Ok(true)
}

/// Removes a state whose file is gone.
fn remove_if_orphan(folder: &Dir, name: &str) {
    if Ours::parse(name) != Some(Ours::State) || plain(folder, name).is_none() {
        return;
    }
    let gone = |part: String| {
        let looked = folder.symlink_metadata(part);
        looked.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    if part_name(name).is_some_and(gone) {
        let _ = folder.remove_file(name);
    }
}

#[cfg(all(test, unix))]
mod tests;
