//! Ports that strangers can reach.

use std::net::SocketAddr;

use crate::cli::exit::CliError;
use crate::cli::options::Common;
use crate::cli::ui::json::JsonEvent;
use crate::cli::ui::output::Output;

/// Says, also with `--quiet`, that anyone who reaches the relay at `at` can use it.
pub(crate) fn warn_of_relay(output: &Output, at: SocketAddr) -> Result<(), CliError> {
    let opens = "take a nick, see who is online and call them";
    warn(output, at, opens, "no token guards a relay, a loopback address keeps strangers out")
}

/// The same of a bridge.
pub(crate) fn warn_of_bridge(
    common: &Common,
    output: &Output,
    at: SocketAddr,
) -> Result<(), CliError> {
    if common.token_file.is_some() {
        return Ok(());
    }
    let opens = "open tunnels, and by them connections from this machine";
    let how =
        "--token-file makes the bridge ask for a token, a loopback address keeps strangers out";
    warn(output, at, opens, how)
}

fn warn(output: &Output, at: SocketAddr, opens: &str, how: &str) -> Result<(), CliError> {
    if at.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    let text =
        format!("WARNING: {at} is open to everyone who can reach it, who may {opens}; {how}");
    output.error(format_args!("{text}"));
    output.json(&JsonEvent::Notice { text: &text }).map_err(CliError::unwritten)
}
