//! The command line: commands, and options common to all of them.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::bridge_args::BridgeArgs;
use super::common::Common;
use super::get_args::GetArgs;
use super::ls_args::LsArgs;
use super::partial_args::PartialArgs;
use super::peers_args::PeersArgs;
use super::receive_args::ReceiveArgs;
use super::relay_command::RelayCommandLine;
use super::send_args::SendArgs;
use super::server_args::{BridgeCommandArgs, UsersArgs};
use super::share_args::ShareArgs;
use super::up_args::UpArgs;
use super::without_effect;
use crate::cli::link::NickOrLink;

/// Exchange files by nick or code, directly between two hosts
#[derive(Debug, Parser)]
#[command(name = "xcher", version, max_term_width = 100)]
#[command(after_help = AFTER_HELP, after_long_help = AFTER_LONG_HELP)]
#[command(disable_help_subcommand = true, infer_subcommands = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) common: Common,
}

const AFTER_HELP: &str = "\
To list all options, exit codes, environment variables and the configuration file: xcher --help";

const AFTER_LONG_HELP: &str = "\
Exit codes:
  0  success
  1  refused by the peer, incomplete transfer, or a file that could not be sent
  2  invalid command line or configuration file
  3  relay or peer unreachable
  4  refused by policy: an address, a name or a limit
  5  authentication failed: changed key, no encryption, or wrong code

Every option can also be set by an environment variable (XCHER_RELAY for --relay) or in the
configuration file (relay = \"…\"; a table such as [share] is for one command). The command line
overrides the environment, which overrides the file. On SIGHUP, relay, bridge and up read the file, the token and the certificate again, apply what
can change while running, and report which options need a restart.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a relay, where peers find each other by nick, and its bridge; or ask a running one
    Relay(RelayCommandLine),
    /// Run a bridge to a relay elsewhere, for browsers and hosts behind NAT
    Bridge(BridgeCommandArgs),
    /// Send files and folders to anyone with the code, or to an online peer
    Send(SendArgs),
    /// Wait for offers, and ask before accepting each
    Receive(ReceiveArgs),
    /// Share files and folders until stopped
    Share(ShareArgs),
    /// List the files a peer shares: SIZE, a tab, NAME, or aligned at a terminal
    Ls(LsArgs),
    /// Ask whether a peer shares a file: NAME YES or NAME NO
    Check {
        /// Nick of the peer, or a link to it
        #[arg(value_name = "NICK|LINK")]
        peer: NickOrLink,
        /// Name of the file, as `ls` lists it
        name: String,
    },
    /// Fetch files from a peer, by its nick or with a code
    Get(GetArgs),
    /// List or remove incomplete downloads
    Partial(PartialArgs),
    /// List the nicks that are online
    Who,
    /// Say what this network allows: relay, bridge, NAT, local network
    ///
    /// Prints a line for each check, and a verdict. Exits with 0 if files can be exchanged with the same
    /// options, and with 3 if not. It announces a random number in the local network, and behind a NAT asks
    /// the router for a port that it gives back at once.
    Doctor,
    /// Run a relay and share files in one process: the quickest start
    Up(UpArgs),
    /// List, pin or forget the keys of known peers, or print your own
    Peers(PeersArgs),
    /// Print a shell completion script
    ///
    /// For bash and zsh: source <(xcher completions bash). For fish: xcher completions fish | source. These
    /// ask the relay for nicks and a host for the names of its files; others complete options only.
    Completions {
        /// Shell to complete for
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each command
    Man {
        /// Write the pages to this folder
        #[arg(long, short, value_name = "DIR")]
        output: Option<PathBuf>,
    },
}

impl Command {
    /// Returns the options of the bridge that the command runs, alone or with a relay; `None` for a command that
    /// runs no server.
    pub(crate) fn server(&self) -> Option<&BridgeArgs> {
        match self {
            Self::Relay(RelayCommandLine { args, command: None }) => Some(&args.relay.bridge),
            Self::Up(args) => Some(&args.relay.bridge),
            Self::Bridge(args) => Some(&args.bridge),
            _ => None,
        }
    }

    /// Returns who may use the server that the command runs, if that can be chosen.
    pub(crate) fn users(&self) -> Option<&UsersArgs> {
        match self {
            Self::Relay(RelayCommandLine { args, command: None }) => Some(&args.users),
            Self::Bridge(args) => Some(&args.users),
            _ => None,
        }
    }
}

/// Builds the command line's definition. Help names the environment variables but not their values,
/// which may be secret.
pub(crate) fn command() -> clap::Command {
    edit_args(definition(), |arg| arg.hide_env_values(true))
}

/// Builds it for `-h`, which is short: the environment variables are left to `--help`.
pub(super) fn command_for_short_help() -> clap::Command {
    edit_args(definition(), |arg| arg.hide_env(true))
}

/// Builds it with the common options of each command, of which those without effect are not shown.
fn definition() -> clap::Command {
    let mut command = <Cli as clap::CommandFactory>::command();
    // Copies the common options to the subcommands.
    command.build();
    command.mut_subcommands(without_effect::hide)
}

fn edit_args(command: clap::Command, edit: fn(clap::Arg) -> clap::Arg) -> clap::Command {
    command.mut_args(edit).mut_subcommands(|command| edit_args(command, edit))
}
