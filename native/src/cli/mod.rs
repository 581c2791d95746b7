//! The command line: reads it, runs a command, ends with its exit code.

mod answers;
mod args;
mod ask;
mod bridge;
mod bridge_args;
mod call;
mod code;
mod command_line;
mod config_file;
mod consent;
mod exit;
mod exposure;
mod fetching;
mod forgoing;
mod get;
mod given;
mod json;
mod left;
mod link;
mod manifest;
mod offer;
mod output;
mod own_stream;
mod partial;
mod peers;
mod places;
mod privacy;
mod progress;
mod prompt;
mod qr;
mod receive;
mod refused;
mod relay;
mod reload;
mod report;
mod send;
mod send_args;
mod share;
mod signals;
mod skipped;
mod sources;
mod spool;
mod start;
mod up;

use std::io::{self, Write as _};
use std::panic;
use std::path::Path;
use std::process::{self, ExitCode};

use tracing_subscriber::EnvFilter;

use args::{Cli, Command, Common};
use exit::CliError;
use json::Line;
use output::Output;

/// Runs what the command line says.
pub fn main() -> ExitCode {
    let cli = match command_line::read() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    log(&cli);
    if !matches!(cli.command, Command::Relay(_) | Command::Bridge(_) | Command::Up(_)) {
        end_at_panic();
    }
    let Err(error) = run(&cli) else { return ExitCode::SUCCESS };
    let output = Output::new(&cli.common);
    if let Some(message) = &error.message {
        output.error(format_args!("{message}"));
    }
    let line = Line::Error { code: error.code as u8, reason: error.reason() };
    output.remember(output.json(&line));
    // Where nobody reads, the exit code still tells; of a full disk it is said once.
    if let Err(CliError { message: Some(unwritten), .. }) = output.written()
        && error.message.as_ref() != Some(&unwritten)
    {
        output.error(format_args!("{unwritten}"));
    }
    ExitCode::from(error.code as u8)
}

/// A panic ends the program. Those that serve many go on without the task that panicked; a host of one
/// user would wait for it.
fn end_at_panic() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |what| {
        report(what);
        process::abort();
    }));
}

/// The log on standard error: the relay's connections, and with `-v` everyone's details.
fn log(cli: &Cli) {
    let level = match (&cli.command, cli.common.quiet, cli.common.verbose) {
        (_, true, _) => "error",
        (Command::Relay(_) | Command::Bridge(_), _, 0) => "info",
        (_, _, 0) => "warn",
        (_, _, 1) => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("XCHER_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .init();
}

fn run(cli: &Cli) -> Result<(), CliError> {
    let common = &cli.common;
    match &cli.command {
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(*shell, &mut args::command(), "xcher", &mut out);
            print(&out)
        }
        Command::Man { output } => man(output.as_deref()),
        Command::Peers(args) => peers::run(common, args),
        Command::Partial(args) => partial::run(common, args),
        command => {
            // One thread: the relay's packets are so small that handing them to another costs more
            // than the work itself, and the bytes of files have threads of their own.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(CliError::local)?;
            let done = runtime.block_on(online(common, command));
            // A thread that still waits for a disk or a terminal is not waited for.
            runtime.shutdown_background();
            done
        }
    }
}

async fn online(common: &Common, command: &Command) -> Result<(), CliError> {
    match command {
        Command::Relay(args) => relay::run(common, args).await,
        Command::Bridge(args) => bridge::run(common, args).await,
        Command::Up(args) => up::up(common, args).await,
        Command::Send(args) => send::run(common, args).await,
        Command::Receive(args) => receive::run(common, args).await,
        Command::Share(args) => share::run(common, args, None, |_| {}).await,
        Command::Ls { peer } => ask::ls(common, peer).await,
        Command::Check { peer, name } => ask::check(common, peer, name).await,
        Command::Get(args) => get::run(common, args).await,
        Command::Who => ask::who(common).await,
        // Those need no network and were done before.
        Command::Completions { .. }
        | Command::Man { .. }
        | Command::Partial(_)
        | Command::Peers(_) => Ok(()),
    }
}

fn man(folder: Option<&Path>) -> Result<(), CliError> {
    match folder {
        Some(folder) => {
            std::fs::create_dir_all(folder).map_err(CliError::local)?;
            clap_mangen::generate_to(args::command(), folder).map_err(CliError::local)
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(args::command()).render(&mut page).map_err(CliError::local)?;
            print(&page)
        }
    }
}

fn print(text: &[u8]) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        // A reader that took enough is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(CliError::unwritten),
    }
}
