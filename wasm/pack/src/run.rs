//! `cargo xcher …`: the package where it is not built or old, then the binary.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Result;

use crate::compile::cargo;
use crate::pack;
use crate::places::Places;

/// What the module is made of.
const SOURCES: [&str; 6] =
    ["Cargo.lock", "Cargo.toml", "core/src", "wasm/Cargo.toml", "wasm/src", "wasm/pack/src"];

/// Becomes the binary, with these arguments.
pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    let places = Places::find()?;
    if is_old(&places) {
        pack(&places)?;
    }
    let mut command = cargo();
    command
        .args(["run", "--quiet", "--release", "--package", "xcher", "--manifest-path"])
        .arg(places.root.join("Cargo.toml"))
        .arg("--")
        .args(arguments);
    become_it(command)
}

/// Nothing of this program stays that a signal could reach in place of the binary.
#[cfg(unix)]
fn become_it(mut command: std::process::Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec().into())
}

/// A console's Ctrl-C reaches all programs in it.
#[cfg(not(unix))]
fn become_it(mut command: std::process::Command) -> Result<()> {
    std::process::exit(command.status()?.code().unwrap_or(1))
}

fn is_old(places: &Places) -> bool {
    let Some(packed) = changed(&places.wasm()) else { return true };
    SOURCES.iter().any(|source| newest(&places.root.join(source)).is_some_and(|at| at > packed))
}

/// When the newest file of a folder, or this file, was changed.
fn newest(path: &Path) -> Option<SystemTime> {
    match fs::read_dir(path) {
        Ok(entries) => entries.filter_map(|entry| newest(&entry.ok()?.path())).max(),
        Err(_) => changed(path),
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}
