//! What an operator asks of a running relay or bridge.

use std::time::Duration;

use clap::{Args, Subcommand};
use xcher_core::registry::UserName;

use super::server_args::RelayCommandArgs;

#[derive(Clone, Debug, Args)]
pub(crate) struct RelayCommandLine {
    #[command(flatten)]
    pub(crate) args: RelayCommandArgs,
    #[command(subcommand)]
    pub(crate) command: Option<RelayCommand>,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum RelayCommand {
    /// Show what a running relay or bridge does, reached by its --admin
    Status,
    /// Disconnect clients of a running relay or bridge; they may come back
    Kick {
        /// A nick, an address, a network, the id of a connection in the log, tunnel/ID, or user/NAME
        #[arg(value_name = "NICK|ADDRESS|ID|user/NAME")]
        target: String,
    },
    /// Disconnect clients and keep them away, until the relay or bridge stops
    Ban {
        /// An address, a network such as 192.0.2.0/24, or a nick with its look-alikes
        #[arg(value_name = "ADDRESS|NETWORK|NICK")]
        banned: String,
        /// Lift the ban by itself after this time, such as 90m or 7days
        #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
        time: Option<Duration>,
    },
    /// Lift a ban
    Unban {
        /// An address, a network or a nick, as `bans` lists it
        #[arg(value_name = "ADDRESS|NETWORK|NICK")]
        banned: String,
    },
    /// Read the configuration file and other files again, as SIGHUP does
    ///
    /// Prints what is in force now, and fails if anything is wrong.
    Reload,
    /// Show what was carried in this month: all tunnels, then the accounts that used most
    ///
    /// An account is an address, or user/NAME.
    #[command(args_conflicts_with_subcommands = true)]
    Quotas {
        /// Show at most this many accounts
        #[arg(long, value_name = "N", default_value = "20")]
        #[arg(value_parser = clap::value_parser!(u64).range(..=10_000))]
        count: u64,
        #[command(subcommand)]
        command: Option<QuotaCommand>,
    },
    /// List the hosts online: NICK, ADDRESS, KEY, USER, ID and the time since they connected, with tabs between
    ///
    /// KEY is the host's key at this relay, as --access names it, or `-` if it has proved none. Codes are left out.
    Nicks,
    /// Make a token for a user: prints the token, and an entry with its hash for the file of --users
    Token {
        /// The name of a new user [default: another token for a user that the file has]
        #[arg(value_name = "NAME", value_parser = user_name)]
        name: Option<UserName>,
    },
    /// List the bans: ADDRESS, NETWORK or NICK, a tab, the time left
    Bans,
}

/// Parses the name of a user.
fn user_name(text: &str) -> Result<UserName, String> {
    UserName::parse(text).map_err(|error| error.to_string())
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum QuotaCommand {
    /// Forget what was used in this month
    Reset {
        /// An address, user/NAME, or all
        #[arg(value_name = "ACCOUNT|all")]
        account: String,
    },
}
