//! Runs the binary as a user without access to every file.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::{TempDir, tempdir_in};

use super::not_tested;
use super::process::Xcher;

/// User and group id without privileges.
const UNPRIVILEGED_ID: &str = "65534";

/// Builds a command line that runs as an unprivileged user, with its home and keys in this folder. That is
/// the present user unless it is root; `None` if root cannot become another user.
pub(crate) fn as_other<'a>(home: &Path, args: impl IntoIterator<Item = &'a str>) -> Option<Xcher> {
    let data = home.join("data");
    let command = if rustix::process::geteuid().is_root() {
        let tried = std::process::Command::new("setpriv")
            .args(["--reuid", UNPRIVILEGED_ID, "true"])
            .status();
        if !tried.is_ok_and(|status| status.success()) {
            not_tested("root has access to everything and cannot become another user here");
            return None;
        }
        fs::set_permissions(home, Permissions::from_mode(0o777)).unwrap();
        let other = ["--reuid", UNPRIVILEGED_ID, "--regid", UNPRIVILEGED_ID, "--clear-groups"];
        Xcher::other("setpriv").args(other).args([program()])
    } else {
        Xcher::other(env!("CARGO_BIN_EXE_xcher"))
    };
    Some(command.args(args).env("XCHER_DATA_DIR", data).env("HOME", home))
}

/// Creates a folder that every user can enter.
pub(crate) fn open_tempdir() -> TempDir {
    let folder = tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Removes all permissions, so that only root can read it.
pub(crate) fn close(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
}

/// Returns a copy of the binary that every user can run: its own folder may be closed to them.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, program) = PROGRAM.get_or_init(|| {
        let folder = open_tempdir();
        let program = folder.path().join("xcher");
        // A child copies it: a descriptor that this process writes to could be inherited by another test's
        // child, and then the copy could not be run.
        let copy = Xcher::other("cp").args(["-p", env!("CARGO_BIN_EXE_xcher")]).args([&program]);
        copy.run().code(0);
        (folder, program)
    });
    program
}
