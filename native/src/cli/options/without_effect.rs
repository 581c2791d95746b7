//! Common options that have no effect on some commands. On the command line they are refused there: whoever
//! writes one expects something of it. In the environment and in the configuration file they are for other
//! commands.

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use crate::cli::exit::CliError;

/// The options of sessions and transfers.
const OF_SESSIONS: [&str; 10] = [
    "advertise",
    "allow-private",
    "no-near",
    "no-punch",
    "map-ports",
    "plain",
    "secure",
    "limit-send",
    "limit-receive",
    "via",
];
/// The options of a host's connection to a relay.
const OF_HOSTS: [&str; 8] = [
    "nick",
    "tls-ca",
    "timeout",
    "irc-account",
    "irc-password-file",
    "irc-channel-key-file",
    "irc-server-password-file",
    "irc-cleartext",
];
/// The options that say which hosts to find.
const OF_SEARCHES: [&str; 2] = ["relay", "no-lan"];
const OF_KEYS: [&str; 1] = ["data-dir"];
const OF_TOKENS: [&str; 1] = ["token-file"];

/// Returns the common options that have no effect on this command.
fn of(command: &str) -> Vec<&'static str> {
    let all: &[&[&str]] = match command {
        "relay" => &[&OF_SESSIONS, &OF_HOSTS, &OF_SEARCHES],
        "bridge" => &[&OF_SESSIONS, &OF_HOSTS, &["no-lan"]],
        "peers" => &[&OF_SESSIONS, &OF_HOSTS, &OF_TOKENS],
        "partial" | "completions" | "man" => {
            &[&OF_SESSIONS, &OF_HOSTS, &OF_SEARCHES, &OF_KEYS, &OF_TOKENS]
        }
        _ => &[],
    };
    all.concat()
}

/// Hides these options from the help and completion of the command and of its subcommands.
pub(super) fn hide(command: Command) -> Command {
    let without_effect = of(command.get_name());
    hide_all(command, &without_effect)
}

fn hide_all(command: Command, options: &[&str]) -> Command {
    let command = command.mut_args(|arg| {
        let is_hidden = arg.get_long().is_some_and(|option| options.contains(&option));
        if is_hidden { arg.hide(true) } else { arg }
    });
    command.mut_subcommands(|subcommand| hide_all(subcommand, options))
}

/// Refuses them on the command line.
///
/// # Errors
///
/// A usage error that names the first.
pub(super) fn refuse(command: &Command, matches: &ArgMatches) -> Result<(), CliError> {
    let Some((name, _)) = matches.subcommand() else { return Ok(()) };
    let without_effect = of(name);
    for arg in command.get_arguments() {
        let is_typed =
            matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
        if let Some(option) = arg.get_long().filter(|option| without_effect.contains(option))
            && is_typed
        {
            let text = format!("--{option} has no effect on `xcher {name}`; leave it out");
            return Err(CliError::usage(text));
        }
    }
    Ok(())
}
