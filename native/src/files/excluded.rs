//! Applies the user's exclusions to a share, however a file in it is spelled.

use std::ffi::OsStr;
use std::path::{Component, Path};

use cap_std::fs::{Dir, Metadata};

use super::share::Share;
use super::{Case, Links, SharedPath};

impl Share {
    /// Returns true if all of the share is excluded.
    pub(super) fn excludes_itself(&self) -> bool {
        self.excludes(Path::new(""), self.file.is_none(), Case::Sensitive)
    }

    /// Returns true if an entry of a folder is excluded, at `below` or where the links in it lead.
    pub(super) fn is_excluded(&self, below: &Path, is_folder: bool) -> bool {
        if self.rules.excluded.is_none() {
            return false;
        }
        let follows = self.rules.links == Links::Follow;
        let is_folder =
            is_folder || follows && self.root.metadata(below).is_ok_and(|at| at.is_dir());
        let excludes = |path: &Path| self.excludes(path, is_folder, Case::Sensitive);
        excludes(below)
            || follows && self.root.canonicalize(below).is_ok_and(|real| excludes(&real))
    }

    /// As [`is_excluded`](Self::is_excluded), for a path that a peer spelled, which is `found` at `real`. Where
    /// a folder knows a file by several spellings, only the listed one is served.
    pub(super) fn is_request_excluded(&self, path: &Path, real: &Path, found: &Metadata) -> bool {
        if self.rules.excluded.is_none() {
            return false;
        }
        // No listed path has these.
        if path.components().any(|part| matches!(part, Component::ParentDir)) {
            return true;
        }
        let is_folder = found.is_dir();
        let excludes =
            |case| self.excludes(path, is_folder, case) || self.excludes(real, is_folder, case);
        let has_aliases = || has_other_spellings(path) || excludes(Case::Insensitive);
        excludes(Case::Sensitive) || has_aliases() && !is_spelled_as_listed(&self.root, path)
    }

    fn excludes(&self, below: &Path, is_folder: bool, case: Case) -> bool {
        let Some(excluded) = &self.rules.excluded else { return false };
        let below = if below == Path::new(".") { Path::new("") } else { below };
        excluded.excludes(SharedPath { share: self.own_name.as_ref(), below, is_folder }, case)
    }
}

/// Returns true if this system may know the file by a spelling that differs in more than case: composed
/// and decomposed letters, short names.
fn has_other_spellings(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    cfg!(not(target_os = "linux")) && (!bytes.is_ascii() || bytes.contains(&b'~'))
}

/// Returns true if each part of a path is spelled as its folder lists it.
fn is_spelled_as_listed(root: &Dir, path: &Path) -> bool {
    let mut folder = Path::new("").to_owned();
    for part in path.components() {
        let Component::Normal(part) = part else { continue };
        let at = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
        if !lists(root, at, part) {
            return false;
        }
        folder.push(part);
    }
    true
}

fn lists(root: &Dir, folder: &Path, name: &OsStr) -> bool {
    let Ok(mut entries) = root.read_dir(folder) else { return false };
    entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spelling_is_listed_or_not() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("Raw"))?;
        std::fs::write(folder.path().join("Raw/a"), "")?;
        let root = Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority())?;
        for (path, expected) in [("Raw", true), ("Raw/a", true), ("raw/a", false), ("Raw/A", false)]
        {
            assert_eq!(is_spelled_as_listed(&root, path.as_ref()), expected, "{path}");
        }
        Ok(())
    }
}
