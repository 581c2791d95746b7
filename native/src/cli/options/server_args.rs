//! The options of the commands that run servers: how they start and stop.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use xcher_core::registry::Users;

use super::bridge_args::BridgeArgs;
use super::relay_args::RelayArgs;
use super::values::switch;
use crate::cli::exit::CliError;
use crate::cli::users_file;

/// The options of `xcher relay`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RelayCommandArgs {
    #[command(flatten)]
    pub(crate) relay: RelayArgs,
    #[command(flatten)]
    pub(crate) users: UsersArgs,
    #[command(flatten)]
    pub(crate) stop: StopArgs,
    #[command(flatten)]
    pub(crate) start: StartArgs,
}

/// The options of `xcher bridge`.
#[derive(Clone, Debug, Args)]
pub(crate) struct BridgeCommandArgs {
    #[command(flatten)]
    pub(crate) bridge: BridgeArgs,
    #[command(flatten)]
    pub(crate) users: UsersArgs,
    #[command(flatten)]
    pub(crate) stop: StopArgs,
    #[command(flatten)]
    pub(crate) start: StartArgs,
}

/// Who may use a server.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct UsersArgs {
    /// Admit the users in this file, by their tokens, and nobody else unless it has [anonymous]
    /// [default: everybody]
    ///
    /// The file is TOML; xcher relay token NAME makes a token and an entry for it. A changed file is read again.
    #[arg(long, env = "XCHER_USERS", value_name = "FILE", hide_short_help = true)]
    pub(crate) users: Option<PathBuf>,
}

impl UsersArgs {
    /// Reads the users, if a file with them is named.
    pub(crate) fn read(&self) -> Result<Option<Arc<Users>>, CliError> {
        self.users.as_deref().map(users_file::read).transpose()
    }
}

/// How a server starts.
#[derive(Clone, Debug, Args)]
pub(crate) struct StartArgs {
    /// Share the ports with another process that has this option, to start a new one before the old one stops
    ///
    /// New connections go to either of the two, until the old one drains or stops.
    #[arg(long, env = "XCHER_REUSE_PORT", value_parser = switch(), hide_short_help = true)]
    pub(crate) reuse_port: bool,
    /// Check options and files, print what would be in force, and exit without listening
    #[arg(long, env = "XCHER_CHECK", value_parser = switch(), hide_short_help = true)]
    pub(crate) check: bool,
}

/// How a server stops.
#[derive(Clone, Debug, Args)]
pub(crate) struct StopArgs {
    /// On SIGTERM or Ctrl-C, give hosts and tunnels this many seconds to move or to finish; a second signal
    /// stops at once
    #[arg(long, env = "XCHER_DRAIN", value_name = "SECONDS", default_value = "0")]
    #[arg(value_parser = clap::value_parser!(u64).range(..=86_400), hide_short_help = true)]
    drain: u64,
}

impl StopArgs {
    /// Returns the time to drain; zero stops at once.
    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain)
    }
}
