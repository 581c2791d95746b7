//! `xcher send`: to whoever is told a code, or to someone online.

use std::path::{Path, PathBuf};

use xcher_core::Nick;

use crate::cli::commands::send_by_code;
use crate::cli::commands::send_to_nick;
use crate::cli::exit::CliError;
use crate::cli::open_shares::{self, is_stdin};
use crate::cli::options::{Common, SendArgs};

pub(crate) async fn run(common: &Common, args: &SendArgs) -> Result<(), CliError> {
    let (to, paths) = whom(args)?;
    // What is sent was named: with all that is hidden in it, as rsync does.
    let rules = open_shares::rules(common, args.links.into(), true, None);
    let shares = open_shares::open(paths, args.name.as_deref(), &rules)?;
    match to {
        Some(nick) => send_to_nick::run(common, nick, shares).await,
        None => send_by_code::run(common, args, shares).await,
    }
}

/// The nick, if there is one, and the paths.
fn whom(args: &SendArgs) -> Result<(Option<Nick>, &[PathBuf]), CliError> {
    if let Some(nick) = &args.to {
        return Ok((Some(nick.clone()), &args.paths));
    }
    match args.paths.split_first() {
        // A link that leads nowhere is there as well, and is told of as a path.
        Some((first, paths)) if !paths.is_empty() && !is_there(first) => {
            match first.to_str().and_then(|text| Nick::parse(text).ok()) {
                Some(nick) => Ok((Some(nick), paths)),
                None => Ok((None, &args.paths)),
            }
        }
        _ => Ok((None, &args.paths)),
    }
}

/// Whether it is no nick: something is called so, or it is standard input.
fn is_there(path: &Path) -> bool {
    is_stdin(path) || path.symlink_metadata().is_ok()
}
