//! Defaults from a file: `key = value` lines (TOML), the keys being the long options.

use std::path::{Path, PathBuf};

use clap::Command;
use etcetera::BaseStrategy as _;

use super::exit::CliError;

/// The usual place: `~/.config/xcher/config.toml` on Unix.
pub(super) fn usual_place() -> Option<PathBuf> {
    let places = etcetera::choose_base_strategy().ok()?;
    Some(places.config_dir().join("xcher").join("config.toml"))
}

/// Which file to read: named on the command line, in the environment, or the usual place if there
/// is one.
pub(super) fn place(args: &[std::ffi::OsString]) -> Option<PathBuf> {
    // Looked for before the command line is read, because it changes how that is read.
    let mut named = args.iter().skip(1).skip_while(|arg| *arg != "--config").skip(1);
    let joined = args.iter().find_map(|arg| arg.to_str()?.strip_prefix("--config="));
    named
        .next()
        .map(PathBuf::from)
        .or_else(|| joined.map(PathBuf::from))
        .or_else(|| std::env::var_os("XCHER_CONFIG").map(PathBuf::from))
        .or_else(|| usual_place().filter(|place| place.exists()))
}

/// Makes what the file says the defaults of `command` and of its subcommands.
///
/// # Errors
///
/// A usage failure for a file that cannot be read, is no TOML, or has a key that is no option.
pub(super) fn apply(command: Command, file: &Path) -> Result<Command, CliError> {
    let at = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| CliError::usage(format!("cannot read {at}: {error}")))?;
    let table: toml::Table =
        text.parse().map_err(|error| CliError::usage(format!("cannot read {at}: {error}")))?;
    let mut command = command;
    for (key, value) in table {
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(yes) => yes.to_string(),
            other => {
                return Err(CliError::usage(format!(
                    "{at}: expected a text, a whole number, true or false for {key}, got {}",
                    other.type_str()
                )));
            }
        };
        let mut known = false;
        command = set(command, &key, &value, &mut known);
        if !known {
            return Err(CliError::usage(format!(
                "{at}: expected the name of a long option, such as relay, got {key:?}"
            )));
        }
    }
    Ok(command)
}

fn set(command: Command, key: &str, value: &str, known: &mut bool) -> Command {
    let matching = |command: &Command| {
        let mut args = command.get_arguments();
        args.find(|arg| arg.get_long() == Some(key) && key != "config")
            .map(|arg| arg.get_id().clone())
    };
    let mut command = command;
    if let Some(id) = matching(&command) {
        *known = true;
        command = command.mut_arg(id, |arg| arg.default_value(value.to_owned()));
    }
    let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, |sub| set(sub, key, value, known));
    }
    command
}
