//! Tools that make things smaller, where they are there.

use std::io::ErrorKind;
use std::process::Command;

use anyhow::{Result, bail};

use crate::places::Places;

/// What a shell, and `env`, end with where a program is missing: Node, which npm's tools may need.
const NOT_FOUND: i32 = 127;

/// Runs a tool of the package's. False if there is none. The system's is never taken: it may be any
/// version, and there are wasm-opts that take a table of references for one of functions.
pub(crate) fn run(
    places: &Places,
    name: &str,
    arguments: impl Fn(&mut Command) -> &mut Command,
) -> Result<bool> {
    let program = places.npm.join("node_modules/.bin").join(name);
    match arguments(&mut Command::new(&program)).status() {
        Ok(status) if status.success() => Ok(true),
        Ok(status) if status.code() == Some(NOT_FOUND) => Ok(false),
        Ok(status) => bail!("{}: {status}", program.display()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => bail!("{}: {error}", program.display()),
    }
}
