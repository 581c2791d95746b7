//! Renames a file without replacing another.

use std::io;

use cap_std::fs::Dir;

/// Moves `from` in `from_dir` to `to` in `to_dir`, both plain names, unless `to` exists.
///
/// # Errors
///
/// `AlreadyExists` if `to` exists, even as a link without a target; otherwise the system's error. In
/// either case nothing has moved.
pub(super) fn rename_new(from_dir: &Dir, from: &str, to_dir: &Dir, to: &str) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(from_dir, from, to_dir, to, RenameFlags::NOREPLACE) {
            // Some file systems, NFS among them, do not support this; a hard link works there.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            result => return Ok(result?),
        }
    }
    link_new(from_dir, from, to_dir, to)
}

/// As [`rename_new`], by creating a hard link and removing the first name.
fn link_new(from_dir: &Dir, from: &str, to_dir: &Dir, to: &str) -> io::Result<()> {
    from_dir.hard_link(from, to_dir, to)?;
    // The file has its new name. If the old one stays too, that is not a failure.
    let _ = from_dir.remove_file(from);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use cap_std::ambient_authority;

    #[test]
    fn both_ways_move_without_replacing() {
        for rename in [rename_new, link_new] {
            let folder = tempfile::tempdir().unwrap();
            let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
            dir.create_dir("in").unwrap();
            let inner = dir.open_dir("in").unwrap();
            inner.write("x.part", "new").unwrap();

            dir.write("x", "old").unwrap();
            let error = rename(&inner, "x.part", &dir, "x").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(dir.read("x").unwrap(), b"old");
            assert_eq!(inner.read("x.part").unwrap(), b"new");

            dir.remove_file("x").unwrap();
            rename(&inner, "x.part", &dir, "x").unwrap();
            assert_eq!(dir.read("x").unwrap(), b"new");
            assert!(!inner.exists("x.part"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn does_not_replace_a_link_without_a_target() {
        for rename in [rename_new, link_new] {
            let folder = tempfile::tempdir().unwrap();
            let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
            dir.write("x.part", "new").unwrap();
            dir.symlink("nothing", "x").unwrap();
            let error = rename(&dir, "x.part", &dir, "x").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            assert!(!dir.exists("nothing"));
        }
    }
}
