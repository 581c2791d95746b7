//! Default values from a file: `key = value` lines (TOML), whose keys are long options, for all commands or, in a
//! table, for one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command};
use etcetera::BaseStrategy as _;
use toml::Value;

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

/// Makes the values in the file the defaults of `command` and of its subcommands. A table with the name of a
/// subcommand has values for that one only, which override the others.
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
    let is_table = |(_, value): &(String, Value)| value.is_table();
    let (sections, options): (Vec<_>, Vec<_>) = table.into_iter().partition(is_table);
    let mut command = command;
    for (key, value) in options {
        command = set(command, &key, &value)
            .map_err(|error| CliError::usage(format!("{at}: {}", error.text(&key, "xcher"))))?;
    }
    for (name, section) in sections {
        let Some(subcommand) = command.find_subcommand_mut(&name) else {
            let text = format!("[{name}] is not a command; name one, such as [relay]");
            return Err(CliError::usage(format!("{at}: {text}")));
        };
        for (key, value) in section.as_table().into_iter().flatten() {
            *subcommand = set(subcommand.clone(), key, value).map_err(|error| {
                let error = error.text(key, &format!("xcher {name}"));
                CliError::usage(format!("{at}: in [{name}]: {error}"))
            })?;
        }
    }
    Ok(command)
}

/// The reason why a key and its value are not accepted.
enum Unset {
    NoOption,
    /// The option takes one value.
    OneValue,
    Type(&'static str),
}

impl Unset {
    fn text(&self, key: &str, command: &str) -> String {
        match self {
            Self::NoOption => {
                format!("{key:?} is not an option of {command}; write the long name of one")
            }
            Self::OneValue => format!("{key} takes one value; write it without brackets"),
            Self::Type(type_str) => format!(
                "{key} has a value of type {type_str}; write a string, an integer, true, false, or an \
                 array of these"
            ),
        }
    }
}

/// Sets the default of an option of the command and of its subcommands.
fn set(command: Command, key: &str, value: &Value) -> Result<Command, Unset> {
    let (values, is_array) = match value {
        Value::Array(values) => (values.iter().map(text).collect::<Result<_, _>>()?, true),
        value => (vec![text(value)?], false),
    };
    let mut is_known = false;
    let command = set_values(command, key, &values, is_array, &mut is_known)?;
    if is_known { Ok(command) } else { Err(Unset::NoOption) }
}

fn text(value: &Value) -> Result<String, Unset> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Boolean(yes) => Ok(yes.to_string()),
        other => Err(Unset::Type(other.type_str())),
    }
}

/// In place: an argument that `mut_arg` moves is not found again once the command is built.
fn set_values(
    command: Command,
    key: &str,
    values: &[String],
    is_array: bool,
    is_known: &mut bool,
) -> Result<Command, Unset> {
    let is_named = |arg: &Arg| arg.get_long() == Some(key) && key != "config";
    if let Some(arg) = command.get_arguments().find(|arg| is_named(arg)) {
        *is_known = true;
        if is_array && !matches!(arg.get_action(), ArgAction::Append) {
            return Err(Unset::OneValue);
        }
    }
    let mut command = command.mut_args(|arg| match is_named(&arg) {
        true => arg.default_values(values.to_vec()),
        false => arg,
    });
    for subcommand in command.get_subcommands_mut() {
        let changed = set_values(subcommand.clone(), key, values, is_array, is_known)?;
        *subcommand = changed;
    }
    Ok(command)
}
