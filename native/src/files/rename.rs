//! Giving a file its final name without taking the place of another.

use std::io;

use cap_std::fs::Dir;

/// Moves `from` in `from_dir` to `to` in `to_dir`, both plain names, unless something is there.
///
/// # Errors
///
/// `AlreadyExists` if something is there, a link to nothing included; otherwise what the system
/// says. In either case nothing has moved.
pub(super) fn rename_new(from_dir: &Dir, from: &str, to_dir: &Dir, to: &str) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(from_dir, from, to_dir, to, RenameFlags::NOREPLACE) {
            // Some file systems, NFS among them, cannot; there a hard link can.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            result => return Ok(result?),
        }
    }
    link_new(from_dir, from, to_dir, to)
}

/// The same by a second name for the file and the removal of the first.
fn link_new(from_dir: &Dir, from: &str, to_dir: &Dir, to: &str) -> io::Result<()> {
    from_dir.hard_link(from, to_dir, to)?;
    // The file has its name. That the old one stays beside it is no reason to say it has not.
    let _ = from_dir.remove_file(from);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use cap_std::ambient_authority;

    #[test]
    fn both_ways_move_and_neither_replaces() {
        for way in [rename_new, link_new] {
            let folder = tempfile::tempdir().unwrap();
            let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
            dir.create_dir("in").unwrap();
            let inner = dir.open_dir("in").unwrap();
            inner.write("x.part", "new").unwrap();

            dir.write("x", "old").unwrap();
            let error = way(&inner, "x.part", &dir, "x").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(dir.read("x").unwrap(), b"old");
            assert_eq!(inner.read("x.part").unwrap(), b"new");

            dir.remove_file("x").unwrap();
            way(&inner, "x.part", &dir, "x").unwrap();
            assert_eq!(dir.read("x").unwrap(), b"new");
            assert!(!inner.exists("x.part"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nothing_is_something_that_is_there() {
        for way in [rename_new, link_new] {
            let folder = tempfile::tempdir().unwrap();
            let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
            dir.write("x.part", "new").unwrap();
            dir.symlink("nothing", "x").unwrap();
            let error = way(&dir, "x.part", &dir, "x").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            assert!(!dir.exists("nothing"));
        }
    }
}
