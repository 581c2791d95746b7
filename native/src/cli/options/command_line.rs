//! Reads the command line, which overrides the environment, which overrides the configuration file.

use clap::parser::ValueSource;
use clap::{ArgMatches, FromArgMatches as _};

use super::cli_args::{self, Cli};
use super::common::Common;
use super::config_file;
use super::raw_values::RawValues;
use super::without_effect;
use crate::cli::escape::escaped;
use crate::cli::exit::CliError;

/// A command line that cannot be run.
pub(crate) enum Unread {
    /// Rejected by this program.
    Rejected(CliError),
    /// Rejected by clap, or a request for help.
    Clap(clap::Error),
}

impl From<CliError> for Unread {
    fn from(error: CliError) -> Self {
        Self::Rejected(error)
    }
}

impl From<clap::Error> for Unread {
    fn from(error: clap::Error) -> Self {
        Self::Clap(error)
    }
}

/// Reads the command line.
pub(crate) fn read() -> Result<Cli, Unread> {
    let args: Vec<_> = std::env::args_os().collect();
    let mut command = match args.iter().any(|arg| arg == "-h") {
        true => cli_args::command_for_short_help(),
        false => cli_args::command(),
    };
    if let Some(file) = config_file::path(&args) {
        command = config_file::apply(command, &file)?;
    }
    let matches = command.try_get_matches_from_mut(args)?;
    without_effect::refuse(&command, &matches)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    settle_encryption(&mut cli.common, &matches)?;
    cli.common.settle_relay();
    cli.common.raw = RawValues::of(&command, &matches);
    cli.common.relay_is_typed = matches.value_source("relay") == Some(ValueSource::CommandLine);
    Ok(cli)
}

/// Reads the command line again while the program runs: the configuration file may have changed.
///
/// # Errors
///
/// One line about what is wrong.
pub(crate) fn read_again() -> Result<Cli, CliError> {
    read().map_err(|unread| match unread {
        Unread::Rejected(CliError { message, .. }) => {
            let text = escaped(&message.unwrap_or_default());
            let mut lines = text.lines().filter(|line| !line.is_empty());
            // The lines between them draw the position in the file.
            let (first, last) = (lines.next().unwrap_or_default(), lines.next_back());
            CliError::usage(last.map_or(first.to_owned(), |last| format!("{first}: {last}")))
        }
        Unread::Clap(error) => {
            let text = escaped(&error.to_string());
            let first = text.lines().next().unwrap_or_default();
            CliError::usage(first.strip_prefix("error: ").unwrap_or(first))
        }
    })
}

/// Keeps the one of `--plain` and `--secure` that overrides the other, if they are set in different places.
fn settle_encryption(common: &mut Common, matches: &ArgMatches) -> Result<(), CliError> {
    if common.plain && common.secure {
        let [plain, secure] = ["plain", "secure"].map(|option| matches.value_source(option));
        common.plain = plain > secure;
        common.secure = secure > plain;
        if plain == secure {
            return Err(CliError::usage("--plain and --secure contradict each other; use one"));
        }
    }
    Ok(())
}
