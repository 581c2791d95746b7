//! The commands, a file each.

mod bridge;
mod doctor;
mod generated_docs;
mod get;
mod ls;
mod operate;
mod partial;
mod peers;
mod query;
mod receive;
mod relay;
mod relay_token;
mod send;
mod send_by_code;
mod send_to_many;
mod send_to_nick;
mod share;
mod up;
mod who;

pub(super) use get::join_words;

use crate::cli::exit::CliError;
use crate::cli::options::{Command, Common, RelayCommand, RelayCommandLine};

/// Runs a command that needs no network, if `command` is one.
pub(crate) fn run_offline(common: &Common, command: &Command) -> Option<Result<(), CliError>> {
    Some(match command {
        Command::Completions { shell } => generated_docs::completions(*shell),
        Command::Man { output } => generated_docs::man(output.as_deref()),
        Command::Peers(args) => peers::run(common, args),
        Command::Partial(args) => partial::run(common, args),
        Command::Relay(RelayCommandLine {
            command: Some(RelayCommand::Token { name }), ..
        }) => relay_token::run(common, name.as_ref()),
        _ => return None,
    })
}

/// Runs a command that needs the network.
pub(crate) async fn run_online(common: &Common, command: &Command) -> Result<(), CliError> {
    match command {
        Command::Relay(RelayCommandLine { args, command }) => match command {
            None => relay::run(common, args).await,
            Some(command) => operate::run(common, &args.relay.bridge.operator, command).await,
        },
        Command::Bridge(args) => bridge::run(common, args).await,
        Command::Up(args) => up::run(common, args).await,
        Command::Send(args) => send::run(common, args).await,
        Command::Receive(args) => receive::run(common, args).await,
        Command::Share(args) => share::run(common, args, &[], |_| {}).await,
        Command::Ls(args) => ls::run(common, args).await,
        Command::Check { peer, name } => query::check(common, peer, name).await,
        Command::Get(args) => get::run(common, args).await,
        Command::Who => who::run(common).await,
        Command::Doctor => doctor::run(common).await,
        // Run by `run_offline`.
        Command::Completions { .. }
        | Command::Man { .. }
        | Command::Partial(_)
        | Command::Peers(_) => Ok(()),
    }
}
