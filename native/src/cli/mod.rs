//! The command line: reads it, runs a command, ends with its exit code.

mod access_file;
mod acme_front;
mod admin_front;
mod callee;
mod check;
#[cfg(feature = "cluster")]
mod cluster_state;
mod commands;
mod completion;
mod connect_error;
mod default_nicks;
mod drain;
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
mod inherited_sockets;
mod interrupted_offers;
mod irc_error;
mod irc_host;
mod lan_relay;
mod link;
mod listing_spool;
mod log;
mod name_pattern;
mod online_host;
mod open_shares;
mod options;
mod outgoing_session;
mod quota_keeper;
mod reconnect;
mod relay_ports;
mod relay_search;
mod reload;
mod requested;
mod sent_text;
mod serve;
mod server_setup;
mod service_manager;
mod signals;
mod sockets;
mod sorted_listing;
mod stun_port;
mod system_reason;
mod target;
mod threads;
mod ui;
mod unfetched_files;
mod users_file;
mod watch;

use std::panic;
use std::process::{self, ExitCode};

use exit::CliError;
use options::{Cli, command_line};
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
    log::start(&cli);
    if cli.command.server().is_none() {
        abort_on_panic();
    }
    inherited_sockets::receive();
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

fn run(cli: &Cli) -> Result<(), CliError> {
    if let Some(done) = commands::run_offline(&cli.common, &cli.command) {
        return done;
    }
    let runtime = threads::runtime(&cli.command)?;
    let done = runtime.block_on(commands::run_online(&cli.common, &cli.command));
    // Threads blocked on a disk or a terminal must not delay the end.
    runtime.shutdown_background();
    done
}
