//! `xcher send`: to anyone with a code, or to an online peer.

use std::path::{Path, PathBuf};

use xcher_core::Nick;

use super::{send_by_code, send_to_nick};
use crate::cli::exit::CliError;
use crate::cli::open_shares::{self, is_stdin};
use crate::cli::options::{Common, SendArgs};
use crate::cli::sent_text;

pub(crate) async fn run(common: &Common, args: &SendArgs) -> Result<(), CliError> {
    let (to, paths) = split_nick(args)?;
    // Named paths are sent with everything hidden in them, as rsync does.
    let rules = open_shares::rules(common, args.links.into(), true, &[], &args.exclude)?;
    let text = args.text.as_deref().map(|text| sent_text::read(text, paths)).transpose()?;
    let shares = open_shares::open_with_text(paths, text.as_deref(), args.name.as_deref(), &rules)?;
    if to.is_some() && args.to_many.is_some() {
        return Err(CliError::usage(
            "--to-many is for a code; leave it out, or leave out the nick",
        ));
    }
    match to {
        Some(nick) => send_to_nick::run(common, nick, shares, args.retry.retry).await,
        None => send_by_code::run(common, args, shares).await,
    }
}

/// Splits the arguments into the nick, if there is one, and the paths.
fn split_nick(args: &SendArgs) -> Result<(Option<Nick>, &[PathBuf]), CliError> {
    if let Some(nick) = &args.to {
        return Ok((Some(nick.clone()), &args.paths));
    }
    match args.paths.split_first() {
        Some((first, paths)) if (!paths.is_empty() || args.text.is_some()) && !is_path(first) => {
            match first.to_str().and_then(|text| Nick::parse(text).ok()) {
                Some(nick) => Ok((Some(nick), paths)),
                None => Ok((None, &args.paths)),
            }
        }
        _ => Ok((None, &args.paths)),
    }
}

/// Returns true if an argument is not a nick: standard input, or the name of anything, even of a dead
/// link, which is then reported as a path.
fn is_path(path: &Path) -> bool {
    is_stdin(path) || path.symlink_metadata().is_ok()
}
