//! Runs optional tools that make the package smaller.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::folders::Folders;

/// Exit code of a shell, and of `env`, for a missing program: Node, which npm's tools may need.
const NOT_FOUND: i32 = 127;

/// Runs a tool that npm installed for the package. Returns false if it is missing. A system-wide one is never
/// used: it can have any version, and some of wasm-opt confuse tables of references and of functions.
pub(crate) fn run(
    folders: &Folders,
    name: &str,
    arguments: impl Fn(&mut Command) -> &mut Command,
) -> Result<bool> {
    let program = program(folders, name);
    match arguments(&mut Command::new(&program)).status() {
        Ok(status) if status.success() => Ok(true),
        Ok(status) if status.code() == Some(NOT_FOUND) => Ok(false),
        Ok(status) => bail!("{}: {status}", program.display()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => bail!("{}: {error}", program.display()),
    }
}

/// Returns true if npm has installed a tool for the package.
pub(crate) fn is_installed(folders: &Folders, name: &str) -> bool {
    program(folders, name).exists()
}

fn program(folders: &Folders, name: &str) -> PathBuf {
    folders.npm.join("node_modules/.bin").join(name)
}
