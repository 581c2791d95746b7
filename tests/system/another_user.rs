//! The binary as a user whom the system does not let read everything.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::{TempDir, tempdir_in};

use super::not_tested;
use super::process::Xcher;

/// A user who is not this one and may read what everyone may, where this one may be another.
const OTHER: &str = "65534";

/// A command line as a user who may not read everything. `None` where this one may not be another, and
/// is root.
pub(crate) fn as_other(args: &[&str], home: &TempDir) -> Option<Xcher> {
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let data = home.path().join("data");
    if !rustix::process::geteuid().is_root() {
        return Some(Xcher::other(env!("CARGO_BIN_EXE_xcher")).args(args));
    }
    let tried = std::process::Command::new("setpriv").args(["--reuid", OTHER, "true"]).status();
    if !tried.is_ok_and(|status| status.success()) {
        not_tested("root reads everything here, and cannot be another user");
        return None;
    }
    // The binary may lie where only its owner gets.
    let program = home.path().join("xcher");
    if !program.exists() {
        // By a child: what this process writes, another test's child may inherit, and then it cannot be
        // run.
        let copy = Xcher::other("cp").args(["-p", env!("CARGO_BIN_EXE_xcher")]).args([&program]);
        copy.run().code(0);
    }
    let command = Xcher::other("setpriv").args(["--reuid", OTHER, "--regid", OTHER]);
    let command = command.args(["--clear-groups"]).args([program]).args(args);
    Some(command.env("XCHER_DATA_DIR", data).env("HOME", home.path()))
}

/// A folder that everyone may get to.
pub(crate) fn open_tempdir() -> TempDir {
    let folder = tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Nobody but root reads it any more.
pub(crate) fn close(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
}
