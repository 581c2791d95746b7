//! Reading the command line over the environment over the configuration file.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::FromArgMatches as _;

use super::args::{self, Cli};
use super::config_file;
use super::exit::{Code, Failure};
use super::given::Given;

/// Reads what to do, at the start of the program.
///
/// # Errors
///
/// How the program ends, where the user was told why, or wanted to see help.
pub(super) fn read() -> Result<Cli, ExitCode> {
    parse().map_err(|unread| match unread {
        Unread::Failed(failure) => failed(failure),
        Unread::Clap(error) => {
            // Help and version are errors to clap, with the code 0.
            match complain(&error) {
                Err(unwritten)
                    if !error.use_stderr() && unwritten.kind() != io::ErrorKind::BrokenPipe =>
                {
                    return failed(Failure::unwritten(unwritten));
                }
                _ => {}
            }
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Code::Usage as u8))
        }
    })
}

/// Reads it again while the program runs: the configuration file may be another.
///
/// # Errors
///
/// What is wrong, in one line.
pub(super) fn read_again() -> Result<Cli, Failure> {
    parse().map_err(|unread| match unread {
        Unread::Failed(Failure { message, .. }) => {
            let text = shown(&message.unwrap_or_default());
            let mut lines = text.lines().filter(|line| !line.is_empty());
            // What is between them is the place in the file, drawn.
            let (first, last) = (lines.next().unwrap_or_default(), lines.next_back());
            Failure::usage(last.map_or(first.to_owned(), |last| format!("{first}: {last}")))
        }
        Unread::Clap(error) => {
            let text = shown(&error.to_string());
            let first = text.lines().next().unwrap_or_default();
            Failure::usage(first.strip_prefix("error: ").unwrap_or(first))
        }
    })
}

enum Unread {
    Failed(Failure),
    Clap(clap::Error),
}

impl From<Failure> for Unread {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
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

/// Says what is wrong with the command line, which may repeat what someone else made up.
fn complain(error: &clap::Error) -> io::Result<()> {
    let text = error.to_string();
    if !error.use_stderr() || text.chars().all(is_plain) {
        error.print()?;
        return io::stdout().flush();
    }
    io::stderr().write_all(shown(&text).as_bytes())
}

fn shown(text: &str) -> String {
    let shown = |c: char| match is_plain(c) {
        true => c.to_string(),
        false => c.escape_default().to_string(),
    };
    text.chars().map(shown).collect()
}

fn is_plain(c: char) -> bool {
    c == '\n' || !xcher_core::deceives(c)
}

/// A command line that says nothing that could be done.
fn failed(failure: Failure) -> ExitCode {
    let _ = writeln!(io::stderr(), "xcher: {}", failure.message.unwrap_or_default());
    ExitCode::from(failure.code as u8)
}
