//! `cargo xcher …`: builds the page if it is missing or outdated, then builds and runs the binary.

use std::ffi::OsString;

use anyhow::Result;

use crate::compile::cargo;
use crate::folders::Folders;
use crate::{pack, say};

/// Runs the binary with these arguments.
pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    let folders = Folders::find()?;
    pack(&folders)?;
    say("pack: building the program with the page in it, then starting it");
    let mut command = cargo();
    command
        .args(["run", "--profile", "local", "--package", "xcher", "--manifest-path"])
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
