//! The log on standard error: connections, calls, tunnels and refusals of a relay or bridge, and with `-v` more
//! of every command.

use std::io;

use tracing_subscriber::EnvFilter;

use super::options::{Cli, Command, LogFormat};

/// Starts the log. `XCHER_LOG` overrides the level, also for one target: `info,xcher::call=warn`.
pub(super) fn start(cli: &Cli) {
    let server = cli.command.server();
    let level = match (server, cli.common.quiet, cli.common.verbose) {
        (_, true, _) => "error",
        // With shared files, people read what the command prints.
        (Some(_), _, 0) if !matches!(cli.command, Command::Up(_)) => "info",
        (_, _, 0) => "warn",
        (_, _, 1) => "info",
        _ => "debug",
    };
    // The client of NATS reports each attempt to connect; a cluster's state is shown where it changes.
    let level = format!("{level},async_nats=off");
    let filter = EnvFilter::try_from_env("XCHER_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    // Whatever the user asks for: on the wire that client shows passwords.
    let filter = match "async_nats::connection=off".parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false);
    match server.map(|args| args.operator.log_format) {
        Some(LogFormat::Json) => {
            log.json().flatten_event(true).with_span_list(false).with_ansi(false).init();
        }
        _ => log.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).init(),
    }
}
