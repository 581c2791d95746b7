//! The options of an IRC channel that is used as relay.

use std::path::{Path, PathBuf};

use clap::Args;
use xcher_core::Quoted;
use xcher_core::irc::{Credentials, MAX_SECRET_LEN};

use super::values::switch;
use crate::cli::exit::CliError;
use crate::host::IrcOptions;

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "IRC options, if --relay is the URL of an IRC channel")]
pub(crate) struct IrcArgs {
    /// Log in to this account [default: the nick]
    #[arg(long, global = true, env = "XCHER_IRC_ACCOUNT", value_name = "NAME")]
    #[arg(hide_short_help = true)]
    pub(crate) irc_account: Option<String>,
    /// Log in by SASL with the password on the first line of this file
    #[arg(long, global = true, env = "XCHER_IRC_PASSWORD_FILE", value_name = "FILE")]
    #[arg(hide_short_help = true)]
    pub(crate) irc_password_file: Option<PathBuf>,
    /// Join the channel with the channel key on the first line of this file
    #[arg(long, global = true, env = "XCHER_IRC_CHANNEL_KEY_FILE", value_name = "FILE")]
    #[arg(hide_short_help = true)]
    pub(crate) irc_channel_key_file: Option<PathBuf>,
    /// Connect with the server password on the first line of this file
    #[arg(long, global = true, env = "XCHER_IRC_SERVER_PASSWORD_FILE", value_name = "FILE")]
    #[arg(hide_short_help = true)]
    pub(crate) irc_server_password_file: Option<PathBuf>,
    /// Permit irc:// to a server on another machine: nicks, addresses and passwords are sent unencrypted
    #[arg(long, global = true, env = "XCHER_IRC_CLEARTEXT", value_parser = switch())]
    #[arg(hide_short_help = true)]
    pub(crate) irc_cleartext: bool,
}

impl IrcArgs {
    /// Returns the files of secrets, which are never shared.
    pub(crate) fn secret_files(&self) -> [Option<&PathBuf>; 3] {
        [
            self.irc_password_file.as_ref(),
            self.irc_channel_key_file.as_ref(),
            self.irc_server_password_file.as_ref(),
        ]
    }

    /// Reads the files.
    ///
    /// # Errors
    ///
    /// A usage error for a file that cannot be read, or whose first line IRC cannot transmit.
    pub(crate) fn options(&self) -> Result<IrcOptions, CliError> {
        if let Some(account) = self.irc_account.as_ref().filter(|account| !is_secret(account)) {
            let account = Quoted(account);
            return Err(CliError::usage(format!("{account} cannot be an IRC account")));
        }
        let read = |file: &Option<PathBuf>, is_valid: fn(&str) -> bool| {
            file.as_deref().map(|file| first_line(file, is_valid)).transpose()
        };
        let is_key = |key: &str| is_secret(key) && !key.contains([' ', ',']);
        Ok(IrcOptions {
            credentials: Credentials {
                account: self.irc_account.clone(),
                password: read(&self.irc_password_file, is_secret)?,
                channel_key: read(&self.irc_channel_key_file, is_key)?,
                server_password: read(&self.irc_server_password_file, is_secret)?,
            },
            allow_cleartext: self.irc_cleartext,
        })
    }
}

fn is_secret(text: &str) -> bool {
    (1..=MAX_SECRET_LEN).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn first_line(file: &Path, is_valid: fn(&str) -> bool) -> Result<String, CliError> {
    let at = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| CliError::usage(format!("cannot read {at}: {error}")))?;
    match text.lines().next() {
        Some(line) if is_valid(line) => Ok(line.to_owned()),
        _ => Err(CliError::usage(format!(
            "{at}: the first line is not a password or key that IRC can transmit; write one of 1 to \
             {MAX_SECRET_LEN} bytes without control characters, a channel key also without spaces and commas"
        ))),
    }
}
