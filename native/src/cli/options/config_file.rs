//! Default values from a file: `key = value` lines (TOML), whose keys are long options.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Command;
use etcetera::BaseStrategy as _;

use crate::cli::exit::CliError;

/// Returns the usual path: `~/.config/xcher/config.toml` on Unix.
pub(crate) fn usual_path() -> Option<PathBuf> {
    let folders = etcetera::choose_base_strategy().ok()?;
    Some(folders.config_dir().join("xcher").join("config.toml"))
}

/// Returns the file named on the command line or in the environment, or the usual one if it exists.
pub(crate) fn path(args: &[OsString]) -> Option<PathBuf> {
    // The file is found before the command line is parsed, since it changes the defaults.
    let mut named = args.iter().skip(1).skip_while(|arg| *arg != "--config").skip(1);
    let joined = args.iter().find_map(|arg| arg.to_str()?.strip_prefix("--config="));
    named
        .next()
        .map(PathBuf::from)
        .or_else(|| joined.map(PathBuf::from))
        .or_else(|| std::env::var_os("XCHER_CONFIG").map(PathBuf::from))
        .or_else(|| usual_path().filter(|path| path.exists()))
}

/// Makes the values in the file the defaults of `command` and of its subcommands.
///
/// # Errors
///
/// A usage error if the file cannot be read, is not TOML, or has a key that is not an option.
pub(crate) fn apply(command: Command, file: &Path) -> Result<Command, CliError> {
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
                    "{at}: {key} has a value of type {}; write a string, an integer, true or false",
                    other.type_str()
                )));
            }
        };
        let mut known = false;
        command = set(command, &key, &value, &mut known);
        if !known {
            return Err(CliError::usage(format!(
                "{at}: {key:?} is not an option; write the long name of one, such as relay"
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
