//! What is sent or shared: files, folders, and standard input.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use xcher_core::FileName;

use super::exit::Failure;
use super::own_stream::own;
use crate::files::Shares;

/// Opens every path; `-` is standard input, which goes by `name`.
pub(super) fn open(paths: &[PathBuf], name: Option<&str>) -> Result<Shares, Failure> {
    try_open(paths, name).map_err(Failure::usage)
}

/// The same of a command that asks on standard input.
pub(super) fn open_beside_questions(
    paths: &[PathBuf],
    name: Option<&str>,
) -> Result<Shares, Failure> {
    if paths.iter().any(|path| is_stdin(path)) && io::stdin().is_terminal() {
        return Err(Failure::usage("expected a pipe or a file as standard input, got a terminal"));
    }
    open(paths, name)
}

/// Whether a path stands for standard input.
pub(super) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn try_open(paths: &[PathBuf], name: Option<&str>) -> Result<Shares, String> {
    let files: Vec<_> = paths.iter().filter(|path| !is_stdin(path)).cloned().collect();
    let shares = Shares::open(&files).map_err(|error| error.to_string())?;
    match (paths.len() - files.len(), name) {
        (0, None) => Ok(shares),
        (0, Some(_)) => Err("expected - for standard input with --name, got none".to_owned()),
        (1, name) => {
            let name = FileName::new(name.unwrap_or("stdin")).map_err(|error| error.to_string())?;
            let own = own(&io::stdin()).map_err(|error| format!("no standard input: {error}"))?;
            shares.with_pipe(name, own).map_err(|error| error.to_string())
        }
        (times, _) => Err(format!("expected - for standard input once, got it {times} times")),
    }
}
