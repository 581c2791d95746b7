//! `cargo xcher …`: builds the package if it is missing or outdated, then runs the binary.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Result;

use crate::compile::cargo;
use crate::folders::Folders;
use crate::pack;

/// Sources of the module.
const SOURCES: [&str; 6] =
    ["Cargo.lock", "Cargo.toml", "core/src", "wasm/Cargo.toml", "wasm/src", "wasm/pack/src"];

/// Runs the binary with these arguments.
pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    let folders = Folders::find()?;
    if is_outdated(&folders) {
        pack(&folders)?;
    }
    let mut command = cargo();
    command
        .args(["run", "--quiet", "--release", "--package", "xcher", "--manifest-path"])
        .arg(folders.root.join("Cargo.toml"))
        .arg("--")
        .args(arguments);
    exec(command)
}

/// Replaces this process, so that signals reach the binary.
#[cfg(unix)]
fn exec(mut command: std::process::Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec().into())
}

/// Runs it as a child: Ctrl-C reaches all processes of a console.
#[cfg(not(unix))]
fn exec(mut command: std::process::Command) -> Result<()> {
    std::process::exit(command.status()?.code().unwrap_or(1))
}

fn is_outdated(folders: &Folders) -> bool {
    let Some(packed) = modified(&folders.wasm()) else { return true };
    SOURCES.iter().any(|source| newest(&folders.root.join(source)).is_some_and(|at| at > packed))
}

/// Returns the modification time of a file, or of the newest file in a folder.
fn newest(path: &Path) -> Option<SystemTime> {
    match fs::read_dir(path) {
        Ok(entries) => entries.filter_map(|entry| newest(&entry.ok()?.path())).max(),
        Err(_) => modified(path),
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}
