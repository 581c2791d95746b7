//! Reports a command line or a configuration file that is invalid, to people and with `--json`.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;
use std::process;

use super::json::{self, JsonEvent};
use crate::cli::escape::{escaped, is_safe};
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::options::command_line::Unread;
use crate::cli::options::config_file;

/// Prints why a command line is invalid, or the help that was asked for.
pub(crate) fn report(unread: &Unread) -> process::ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    let json = wants_json(&args, config_file::path(&args).as_deref());
    match unread {
        Unread::Rejected(error) => report_rejected(error, json),
        Unread::Clap(error) => report_clap(error, json),
    }
}

/// Returns true if `--json` is set, as far as an invalid command line shows: on it, in the environment, or
/// in the configuration file.
fn wants_json(args: &[OsString], config: Option<&Path>) -> bool {
    // Arguments after `--` are names.
    let mut options = args.iter().skip(1).take_while(|arg| *arg != "--");
    if options.any(|arg| arg == "--json") {
        return true;
    }
    let value = match std::env::var_os("XCHER_JSON") {
        Some(value) => value.into_string().ok(),
        None => config.and_then(configured),
    };
    value.is_some_and(|value| is_on(&value))
}

/// Returns the value in a configuration file.
fn configured(file: &Path) -> Option<String> {
    let table: toml::Table = std::fs::read_to_string(file).ok()?.parse().ok()?;
    match table.get("json")? {
        toml::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Parses a switch like the options do.
fn is_on(value: &str) -> bool {
    matches!(value.to_lowercase().as_str(), "1" | "true" | "t" | "yes" | "y" | "on")
}

/// Reports clap's error, which can also be help.
fn report_clap(error: &clap::Error, json: bool) -> process::ExitCode {
    // Help and version are errors with exit code 0.
    match print_clap(error) {
        Err(unwritten) if !error.use_stderr() && unwritten.kind() != io::ErrorKind::BrokenPipe => {
            return report_rejected(&CliError::unwritten(unwritten), json);
        }
        _ => {}
    }
    let code = u8::try_from(error.exit_code()).unwrap_or(ExitCode::Usage as u8);
    if code != 0 && json {
        print_event(code, &reason(error));
    }
    process::ExitCode::from(code)
}

/// Reports this program's own error.
fn report_rejected(error: &CliError, json: bool) -> process::ExitCode {
    print_line(error.message.as_deref().unwrap_or_default());
    if json {
        print_event(error.code as u8, error.reason());
    }
    process::ExitCode::from(error.code as u8)
}

/// Prints the event that ends every failed command.
fn print_event(code: u8, reason: &str) {
    match json::write(&JsonEvent::Error { code, reason }) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            print_line(&CliError::unwritten(error).message.unwrap_or_default());
        }
        _ => {}
    }
}

/// Prints on standard error, whose failure cannot be reported anywhere.
fn print_line(text: &str) {
    let _ = io::stderr().write_all(format!("xcher: {text}\n").as_bytes());
}

/// Prints clap's text, which can quote what others made up.
fn print_clap(error: &clap::Error) -> io::Result<()> {
    let text = error.to_string();
    if !error.use_stderr() || is_safe(&text) {
        error.print()?;
        return io::stdout().flush();
    }
    io::stderr().write_all(escaped(&text).as_bytes())
}

/// Returns clap's text in one line, without the usage that follows it.
fn reason(error: &clap::Error) -> String {
    let text = error.to_string();
    let what = text.split("\n\n").next().unwrap_or_default();
    let lines = what.trim_start_matches("error: ").lines().map(str::trim);
    escaped(&lines.collect::<Vec<_>>().join(" "))
}
