//! Tools that make things smaller, where they are there.

use std::io::ErrorKind;
use std::process::Command;

use anyhow::{Result, bail};

use crate::places::Places;

/// What a shell, and `env`, end with where a program is missing: Node, which npm's tools may need.
const NOT_FOUND: i32 = 127;

/// Runs a tool. False if there is none: the package's own is preferred to the system's.
pub(crate) fn run(
    places: &Places,
    name: &str,
    arguments: impl Fn(&mut Command) -> &mut Command,
) -> Result<bool> {
    let own = places.npm.join("node_modules/.bin").join(name);
    for program in [own.as_os_str(), name.as_ref()] {
        match arguments(&mut Command::new(program)).status() {
            Ok(status) if status.success() => return Ok(true),
            Ok(status) if status.code() == Some(NOT_FOUND) => {}
            Ok(status) => bail!("{}: {status}", program.to_string_lossy()),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => bail!("{}: {error}", program.to_string_lossy()),
        }
    }
    Ok(false)
}
