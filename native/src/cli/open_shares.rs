//! Opens the files, folders and standard input that are sent or shared.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use xcher_core::FileName;

use crate::cli::dup_stdio::dup;
use crate::cli::exclusions;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::{Common, ExcludeArgs, config_file};
use crate::cli::ui::left_out::describe;
use crate::files::{Links, OwnFiles, Rules, Shares};
use crate::keys;

/// Opens every path; `-` is standard input under the name `name`.
///
/// # Errors
///
/// If one cannot be shared, or all of them together hold nothing to send.
pub(crate) fn open(
    paths: &[PathBuf],
    name: Option<&str>,
    rules: &Rules,
) -> Result<Shares, CliError> {
    open_with_text(paths, None, name, rules)
}

/// As [`open`], with a text.
pub(crate) fn open_with_text(
    paths: &[PathBuf],
    text: Option<&str>,
    name: Option<&str>,
    rules: &Rules,
) -> Result<Shares, CliError> {
    let mut shares = try_open(paths, name, rules).map_err(CliError::usage)?;
    if let Some(text) = text {
        let shared = shares.with_text(text);
        shares = shared.map_err(|error| CliError::usage(error.to_string()))?;
    }
    let Err(skipped) = shares.check_any() else { return Ok(shares) };
    let code = if skipped.is_empty() { ExitCode::Usage } else { ExitCode::Incomplete };
    let nothing = match rules.excluded {
        Some(_) => "--exclude or --ignore-file leaves nothing",
        None => "the folder is empty",
    };
    let why: Vec<_> = skipped.iter().map(describe).collect();
    let why = if why.is_empty() { nothing.to_owned() } else { why.join("; ") };
    Err(CliError::new(code, format!("nothing to send: {why}")))
}

/// Returns the rules for sharing. The program's own files are never shared, `secrets` included.
///
/// # Errors
///
/// A usage error if what to exclude cannot be read.
pub(crate) fn rules(
    common: &Common,
    links: Links,
    hidden: bool,
    secrets: &[PathBuf],
    exclude: &ExcludeArgs,
) -> Result<Rules, CliError> {
    // The usual places belong to other runs of the program even if this run uses others.
    let usual = config_file::usual_path().and_then(|file| Some(file.parent()?.to_owned()));
    let folders = [common.data_dir.clone(), keys::usual_folder(), usual];
    let files = [common.config.clone(), common.token_file.clone()];
    let irc = common.irc.secret_files().map(Option::<&PathBuf>::cloned);
    let own = folders.into_iter().chain(files).chain(irc).flatten().chain(secrets.iter().cloned());
    let (own, excluded) = (OwnFiles::of(&own.collect::<Vec<_>>()), exclusions::read(exclude)?);
    Ok(Rules { links, hidden, own, excluded })
}

/// Returns true if sharing this path is likely a mistake: a home directory, or the whole file system.
pub(crate) fn is_sweeping(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else { return false };
    let home = std::env::home_dir().and_then(|home| home.canonicalize().ok());
    path.parent().is_none() || Some(path) == home
}

/// Opens every path, for a command that asks questions on the terminal.
pub(crate) fn open_beside_questions(
    paths: &[PathBuf],
    name: Option<&str>,
    rules: &Rules,
) -> Result<Shares, CliError> {
    if paths.iter().any(|path| is_stdin(path)) && io::stdin().is_terminal() {
        return Err(CliError::usage(
            "cannot share standard input (-) from a terminal; pipe or redirect a file into it",
        ));
    }
    open(paths, name, rules)
}

/// Returns true if a path stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn try_open(paths: &[PathBuf], name: Option<&str>, rules: &Rules) -> Result<Shares, String> {
    let files: Vec<_> = paths.iter().filter(|path| !is_stdin(path)).cloned().collect();
    let shares = Shares::open_by(&files, rules).map_err(|error| error.to_string())?;
    match (paths.len() - files.len(), name) {
        (0, None) => Ok(shares),
        (0, Some(_)) => {
            Err("--name names standard input, which is not among the paths; add -".into())
        }
        (1, name) => {
            let name = FileName::new(name.unwrap_or("stdin")).map_err(|error| error.to_string())?;
            let stdin = dup(&io::stdin())
                .map_err(|error| format!("cannot read standard input: {error}"))?;
            shares.with_pipe(name, stdin).map_err(|error| error.to_string())
        }
        (times, _) => Err(format!("standard input (-) is named {times} times; name it once")),
    }
}
