//! The command line: reads it, runs a command, ends with its exit code.

mod callee;
mod cluster_state;
mod commands;
mod completion;
mod connect_error;
mod default_nicks;
mod dup_stdio;
mod encryption;
mod escape;
mod exclusions;
mod exit;
mod exposure;
mod fetch_queue;
mod fetch_summary;
mod filter;
mod http_front;
mod incoming_offers;
mod interrupted_offers;
mod irc_error;
mod irc_host;
mod lan_relay;
mod link;
mod listing_spool;
mod name_pattern;
mod online_host;
mod open_shares;
mod options;
mod outgoing_session;
mod pasted;
mod reconnect;
mod relay_search;
mod reload;
mod requested;
mod serve;
mod signals;
mod sockets;
mod sorted_listing;
mod system_reason;
mod target;
mod ui;
mod unfetched_files;
mod watch;

use std::io;
use std::panic;
use std::process::{self, ExitCode};

use tracing_subscriber::EnvFilter;

use exit::CliError;
use options::{Cli, Command, command_line};
use ui::json::JsonEvent;
use ui::output::Output;
use ui::usage_error;

/// Runs the command that the command line names.
pub fn main() -> ExitCode {
    if completion::answer() {
        return ExitCode::SUCCESS;
    }
    let cli = match command_line::read() {
        Ok(cli) => cli,
        Err(unread) => return usage_error::report(&unread),
    };
    start_log(&cli);
    if !matches!(cli.command, Command::Relay(_) | Command::Bridge(_) | Command::Up(_)) {
        abort_on_panic();
    }
    let Err(error) = run(&cli) else { return ExitCode::SUCCESS };
    let output = Output::new(&cli.common);
    if let Some(message) = &error.message {
        output.error(format_args!("{message}"));
    }
    let event = JsonEvent::Error { code: error.code as u8, reason: error.reason() };
    output.remember(output.json(&event));
    // With a closed standard output the exit code still reports; a full disk is reported once.
    if let Err(CliError { message: Some(unwritten), .. }) = output.written()
        && error.message.as_ref() != Some(&unwritten)
    {
        output.error(format_args!("{unwritten}"));
    }
    ExitCode::from(error.code as u8)
}

/// Makes a panic end the program. Servers continue without the task that panicked; a host with one user
/// would wait for that task forever.
fn abort_on_panic() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        report(info);
        process::abort();
    }));
}

/// Starts the log on standard error: connections of a relay or bridge, and with `-v` more of every command.
fn start_log(cli: &Cli) {
    let level = match (&cli.command, cli.common.quiet, cli.common.verbose) {
        (_, true, _) => "error",
        (Command::Relay(_) | Command::Bridge(_), _, 0) => "info",
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
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .init();
}

fn run(cli: &Cli) -> Result<(), CliError> {
    if let Some(done) = commands::run_offline(&cli.common, &cli.command) {
        return done;
    }
    // One thread: the relay's packets are so small that handing them to another costs more than the work
    // itself, and file I/O has threads of its own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CliError::local)?;
    let done = runtime.block_on(commands::run_online(&cli.common, &cli.command));
    // Threads blocked on a disk or a terminal must not delay the end.
    runtime.shutdown_background();
    done
}
