//! The binary as a user who may not read and write everything.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::{TempDir, tempdir_in};

use super::not_tested;
use super::process::Xcher;

/// Who is nobody in particular.
const OTHER: &str = "65534";

/// A command line as that user, whose keys and home are in this folder; as this one where it is not root.
/// `None` where root cannot be another.
pub(crate) fn as_other<'a>(home: &Path, args: impl IntoIterator<Item = &'a str>) -> Option<Xcher> {
    let data = home.join("data");
    let command = if rustix::process::geteuid().is_root() {
        let tried = std::process::Command::new("setpriv").args(["--reuid", OTHER, "true"]).status();
        if !tried.is_ok_and(|status| status.success()) {
            not_tested("root may do everything here, and cannot be another user");
            return None;
        }
        fs::set_permissions(home, Permissions::from_mode(0o777)).unwrap();
        let other = ["--reuid", OTHER, "--regid", OTHER, "--clear-groups"];
        Xcher::other("setpriv").args(other).args([program()])
    } else {
        Xcher::other(env!("CARGO_BIN_EXE_xcher"))
    };
    Some(command.args(args).env("XCHER_DATA_DIR", data).env("HOME", home))
}

/// A folder that everyone may get to.
pub(crate) fn open_tempdir() -> TempDir {
    let folder = tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

/// The binary where everyone may get: it may lie where only its owner does.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, program) = PROGRAM.get_or_init(|| {
        let folder = open_tempdir();
        let program = folder.path().join("xcher");
        // By a child: what this process writes, another test's child may inherit, and then it cannot be
        // run.
        let copy = Xcher::other("cp").args(["-p", env!("CARGO_BIN_EXE_xcher")]).args([&program]);
        copy.run().code(0);
        (folder, program)
    });
    program
}
