//! Reading the command line over the environment over the configuration file.

use std::process::ExitCode;

use clap::FromArgMatches as _;

use super::args::{self, Cli};
use super::config_file;
use super::exit::CliError;
use super::given::Given;
use super::refused;

/// Reads what to do, at the start of the program.
///
/// # Errors
///
/// How the program ends, where the user was told why, or wanted to see help.
pub(super) fn read() -> Result<Cli, ExitCode> {
    parse().map_err(|unread| {
        let args: Vec<_> = std::env::args_os().collect();
        let json = refused::means_json(&args, config_file::place(&args).as_deref());
        match unread {
            Unread::Failed(error) => refused::by_us(&error, json),
            Unread::Clap(error) => refused::by_clap(&error, json),
        }
    })
}

/// Reads it again while the program runs: the configuration file may be another.
///
/// # Errors
///
/// What is wrong, in one line.
pub(super) fn read_again() -> Result<Cli, CliError> {
    parse().map_err(|unread| match unread {
        Unread::Failed(CliError { message, .. }) => {
            let text = refused::escaped(&message.unwrap_or_default());
            let mut lines = text.lines().filter(|line| !line.is_empty());
            // What is between them is the place in the file, drawn.
            let (first, last) = (lines.next().unwrap_or_default(), lines.next_back());
            CliError::usage(last.map_or(first.to_owned(), |last| format!("{first}: {last}")))
        }
        Unread::Clap(error) => {
            let text = refused::escaped(&error.to_string());
            let first = text.lines().next().unwrap_or_default();
            CliError::usage(first.strip_prefix("error: ").unwrap_or(first))
        }
    })
}

enum Unread {
    Failed(CliError),
    Clap(clap::Error),
}

impl From<CliError> for Unread {
    fn from(error: CliError) -> Self {
        Self::Failed(error)
    }
}

impl From<clap::Error> for Unread {
    fn from(error: clap::Error) -> Self {
        Self::Clap(error)
    }
}

fn parse() -> Result<Cli, Unread> {
    let args: Vec<_> = std::env::args_os().collect();
    let mut command = args::command();
    if let Some(file) = config_file::place(&args) {
        command = config_file::apply(command, &file)?;
    }
    let matches = command.try_get_matches_from_mut(args)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    cli.common.settle_privacy(&matches)?;
    cli.common.given = Given::of(&command, &matches);
    Ok(cli)
}
