//! Warns of ports that other machines can reach.

use std::net::SocketAddr;

use xcher_core::registry::Users;

use crate::cli::exit::CliError;
use crate::cli::options::Common;
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;

/// Warns, even with `--quiet`, that any client that can reach the relay at `at` can use it, unless each needs a token.
pub(crate) fn warn_of_relay(
    output: &Output,
    users: Option<&Users>,
    at: SocketAddr,
) -> Result<(), CliError> {
    if users.is_some_and(|users| !users.allows_anonymous()) {
        return Ok(());
    }
    let exposed = "take a nick, list who is online and call them";
    let cure = match users {
        Some(_) => {
            "leave [anonymous] out of the file of --users, or listen on a loopback address, to keep others out"
        }
        None => {
            "require tokens with --users (not of xcher up), or listen on a loopback address, to keep others out"
        }
    };
    warn(output, at, exposed, cure)
}

/// Warns likewise of a bridge, unless it requires a token.
pub(crate) fn warn_of_bridge(
    common: &Common,
    output: &Output,
    users: Option<&Users>,
    at: SocketAddr,
) -> Result<(), CliError> {
    let needs_token = match users {
        Some(users) => !users.allows_anonymous(),
        None => common.token_file.is_some(),
    };
    if needs_token {
        return Ok(());
    }
    let exposed = "open tunnels, and connections from this machine through them";
    let cure =
        "require a token with --token-file, or listen on a loopback address, to keep others out";
    warn(output, at, exposed, cure)
}

fn warn(output: &Output, at: SocketAddr, exposed: &str, cure: &str) -> Result<(), CliError> {
    if at.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    let text = format!("WARNING: anyone who can reach {at} can {exposed}; {cure}");
    output.error(format_args!("{text}"));
    output.json(&JsonEvent::notice(text)).map_err(CliError::unwritten)
}
