//! What is sent or shared: files, folders, and standard input.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use xcher_core::FileName;

use crate::cli::dup_stdio::own;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::Common;
use crate::cli::options::config_file;
use crate::files::{Links, OwnPlaces, Rules, Shares, Skipped};
use crate::keys;

/// Opens every path; `-` is standard input, which goes by `name`.
///
/// # Errors
///
/// Where one cannot be shared, and where there is nothing to send in any.
pub(crate) fn open(
    paths: &[PathBuf],
    name: Option<&str>,
    rules: &Rules,
) -> Result<Shares, CliError> {
    let shares = try_open(paths, name, rules).map_err(CliError::usage)?;
    let Err(skipped) = shares.check_any() else { return Ok(shares) };
    let code = if skipped.is_empty() { ExitCode::Usage } else { ExitCode::Incomplete };
    let why: Vec<_> = skipped.iter().map(Skipped::to_string).collect();
    let why = if why.is_empty() { "it is empty".to_owned() } else { why.join("; ") };
    Err(CliError::new(code, format!("there is nothing to send: {why}")))
}

/// The rules of sharing; the program's own files are never shared, `secret` ones among them.
pub(crate) fn rules(
    common: &Common,
    links: Links,
    hidden: bool,
    secret: Option<&PathBuf>,
) -> Rules {
    // Those of every other run as well as those of this one.
    let usual = config_file::usual_path().and_then(|file| Some(file.parent()?.to_owned()));
    let folders = [common.data_dir.clone(), keys::usual_folder(), usual];
    let files = [common.config.clone(), common.token_file.clone(), secret.cloned()];
    let own = folders.into_iter().chain(files).flatten();
    Rules { links, hidden, own: OwnPlaces::of(&own.collect::<Vec<_>>()) }
}

/// Whether sharing this path shares what nobody means to: a home, or everything.
pub(crate) fn is_sweeping(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else { return false };
    let home = std::env::home_dir().and_then(|home| home.canonicalize().ok());
    path.parent().is_none() || Some(path) == home
}

/// As [`open`], of a command that asks on standard input.
pub(crate) fn open_beside_questions(
    paths: &[PathBuf],
    name: Option<&str>,
    rules: &Rules,
) -> Result<Shares, CliError> {
    if paths.iter().any(|path| is_stdin(path)) && io::stdin().is_terminal() {
        return Err(CliError::usage("expected a pipe or a file as standard input, got a terminal"));
    }
    open(paths, name, rules)
}

/// Whether a path stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn try_open(paths: &[PathBuf], name: Option<&str>, rules: &Rules) -> Result<Shares, String> {
    let files: Vec<_> = paths.iter().filter(|path| !is_stdin(path)).cloned().collect();
    let shares = Shares::open_by(&files, rules).map_err(|error| error.to_string())?;
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
