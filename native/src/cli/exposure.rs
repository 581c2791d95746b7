//! Ports that strangers can reach.

use std::net::SocketAddr;

use super::args::Common;
use super::json::Line;
use super::output::Output;

/// Says, also with `--quiet`, that anyone who reaches `at` can use what listens there.
pub(super) fn warn(common: &Common, output: &Output, at: SocketAddr, opens: &str) {
    if at.ip().to_canonical().is_loopback() || common.token_file.is_some() {
        return;
    }
    let text = format!(
        "WARNING: {at} is open to everyone who can reach it, who may {opens}; \
         --token-file makes the bridge ask for a token, a loopback address keeps strangers out"
    );
    output.error(format_args!("{text}"));
    // Where nobody reads any more, the lines that follow say so.
    let _ = output.json(&Line::Notice { text: &text });
}
