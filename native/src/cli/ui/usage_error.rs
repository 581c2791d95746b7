//! A command line, or a configuration file, that says nothing that could be done: told to people and to
//! programs.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;
use std::process;

use crate::cli::escape::{escaped, is_safe};
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::command_line::Unread;
use crate::cli::options::config_file;
use crate::cli::ui::json::{self, JsonEvent};

/// Whether `--json` is meant, as far as that can be told of a command line that is not understood: it
/// stands there, or else in the environment, or else in the configuration file.
fn means_json(args: &[OsString], config: Option<&Path>) -> bool {
    // Behind it are names.
    let mut options = args.iter().skip(1).take_while(|arg| *arg != "--");
    if options.any(|arg| arg == "--json") {
        return true;
    }
    let said = match std::env::var_os("XCHER_JSON") {
        Some(said) => said.into_string().ok(),
        None => config.and_then(configured),
    };
    said.is_some_and(|said| is_on(&said))
}

/// What a configuration file says of it.
fn configured(file: &Path) -> Option<String> {
    let table: toml::Table = std::fs::read_to_string(file).ok()?.parse().ok()?;
    match table.get("json")? {
        toml::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// As [`switch`](crate::cli::options::args::switch) reads it.
fn is_on(said: &str) -> bool {
    matches!(said.to_lowercase().as_str(), "1" | "true" | "t" | "yes" | "y" | "on")
}

/// Says why a command line cannot be run, or the help that was asked for.
pub(crate) fn report(unread: &Unread) -> process::ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    let json = means_json(&args, config_file::path(&args).as_deref());
    match unread {
        Unread::Rejected(error) => by_us(error, json),
        Unread::Clap(error) => by_clap(error, json),
    }
}

/// Says what clap says of a command line, be it help that was asked for.
fn by_clap(error: &clap::Error, json: bool) -> process::ExitCode {
    // Help and version are errors to clap, with the code 0.
    match complain(error) {
        Err(unwritten) if !error.use_stderr() && unwritten.kind() != io::ErrorKind::BrokenPipe => {
            return by_us(&CliError::unwritten(unwritten), json);
        }
        _ => {}
    }
    let code = u8::try_from(error.exit_code()).unwrap_or(ExitCode::Usage as u8);
    if code != 0 && json {
        tell(code, &reason(error));
    }
    process::ExitCode::from(code)
}

/// Says why a command line is refused that clap understood, or was not asked about.
fn by_us(error: &CliError, json: bool) -> process::ExitCode {
    say(error.message.as_deref().unwrap_or_default());
    if json {
        tell(error.code as u8, error.reason());
    }
    process::ExitCode::from(error.code as u8)
}

/// The event that every command that failed ends with.
fn tell(code: u8, reason: &str) {
    match json::write(&JsonEvent::Error { code, reason }) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            say(&CliError::unwritten(error).message.unwrap_or_default());
        }
        _ => {}
    }
}

/// Where nobody reads standard error, nothing more can be said.
fn say(text: &str) {
    let _ = io::stderr().write_all(format!("xcher: {text}\n").as_bytes());
}

/// Says what is wrong with the command line, which may repeat what someone else made up.
fn complain(error: &clap::Error) -> io::Result<()> {
    let text = error.to_string();
    if !error.use_stderr() || is_safe(&text) {
        error.print()?;
        return io::stdout().flush();
    }
    io::stderr().write_all(escaped(&text).as_bytes())
}

/// The same in a line, without the usage that follows it.
fn reason(error: &clap::Error) -> String {
    let text = error.to_string();
    let what = text.split("\n\n").next().unwrap_or_default();
    let lines = what.trim_start_matches("error: ").lines().map(str::trim);
    escaped(&lines.collect::<Vec<_>>().join(" "))
}
