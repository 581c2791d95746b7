//! Writes, reads and compares files on disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::{TempDir, tempdir, tempdir_in};

use super::process::Xcher;

/// Files' names, with `/` between components, and their contents.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

/// The folder of partial files.
pub(crate) const PARTIAL: &str = ".xcher-partial";

/// Writes files and creates their folders.
pub(crate) fn write<N: AsRef<str>, B: AsRef<[u8]>>(
    folder: &Path,
    files: impl IntoIterator<Item = (N, B)>,
) {
    for (name, bytes) in files {
        let path = folder.join(name.as_ref());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Reads every file below a folder; a symbolic link appears as `a link to TARGET`.
pub(crate) fn read(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    read_into(folder, "", &mut tree);
    tree
}

fn read_into(folder: &Path, prefix: &str, tree: &mut Tree) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            read_into(&entry.path(), &format!("{name}/"), tree);
        } else if kind.is_symlink() {
            let to = fs::read_link(entry.path()).unwrap();
            tree.insert(name, format!("a link to {}", to.display()).into());
        } else {
            tree.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

/// Creates a folder with files of these names, each containing its own.
pub(crate) fn of_names<const N: usize>(names: [&str; N]) -> TempDir {
    let folder = tempdir().unwrap();
    write(folder.path(), names.map(|name| (name, name)));
    folder
}

/// Returns the files that `get` stores in a new folder; expects this exit code.
#[track_caller]
pub(crate) fn stored(get: Xcher, code: i32) -> Vec<String> {
    let out = tempdir().unwrap();
    get.args(["-o"]).args([out.path()]).run().code(code);
    finished(out.path()).into_keys().collect()
}

/// Reads the partial files of a receiving folder.
pub(crate) fn partials(folder: &Path) -> Tree {
    let folder = folder.join(PARTIAL);
    let mut parts = if folder.exists() { read(&folder) } else { Tree::new() };
    // Their descriptions.
    parts.retain(|name, _| !name.ends_with(".json"));
    parts
}

/// Reads a receiving folder without its partial files.
pub(crate) fn finished(folder: &Path) -> Tree {
    let mut tree = read(folder);
    tree.retain(|name, _| !name.starts_with(PARTIAL));
    tree
}

/// Returns pseudo-random bytes, the same for the same seed.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

/// Returns the expected listing of a shared folder: lines of `SIZE<TAB>NAME`.
pub(crate) fn listing(tree: &Tree, share: &str) -> Vec<String> {
    tree.iter().map(|(name, bytes)| format!("{}\t{share}/{name}", bytes.len())).collect()
}

/// Creates a folder on a file system with this many free bytes, in memory if possible.
pub(crate) fn room_for(bytes: u64) -> TempDir {
    let places = [PathBuf::from("/dev/shm"), std::env::temp_dir()];
    let free = |place: &PathBuf| {
        rustix::fs::statvfs(place).map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
    };
    match places.iter().find(|place| free(place) > bytes) {
        Some(place) => tempdir_in(place).unwrap(),
        None => panic!("this test needs {bytes} free bytes in one of {places:?}"),
    }
}
