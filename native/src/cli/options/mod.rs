//! The options: their definitions, and how command line, environment and configuration file are read.

mod access_args;
mod acme_args;
mod bridge_args;
mod cli_args;
#[cfg(feature = "cluster")]
mod cluster_args;
#[cfg(not(feature = "cluster"))]
#[path = "no_cluster_args.rs"]
mod cluster_args;
pub(super) mod command_line;
mod common;
pub(super) mod config_file;
mod exclude_args;
mod filter_args;
mod get_args;
mod irc_args;
mod listen_address;
mod ls_args;
mod operator_args;
mod partial_args;
mod peers_args;
mod raw_values;
mod receive_args;
mod relay_args;
mod relay_command;
mod retry_args;
mod send_args;
mod server_args;
mod share_args;
mod target_args;
mod up_args;
mod values;
mod without_effect;

pub(super) use access_args::{AccessArgs, Admission};
pub(super) use bridge_args::BridgeArgs;
pub(super) use cli_args::{Cli, Command, command};
pub(super) use cluster_args::Cluster;
pub(super) use common::{Common, read_token};
pub(super) use exclude_args::ExcludeArgs;
pub(super) use get_args::GetArgs;
pub(super) use listen_address::{DEFAULT_HTTP_PORT, ListenAddress};
pub(super) use ls_args::LsArgs;
pub(super) use operator_args::{LogFormat, OperatorArgs};
pub(super) use partial_args::{PartialArgs, PartialCommand};
pub(super) use peers_args::{PeersArgs, PeersCommand};
pub(super) use raw_values::RawValues;
pub(super) use receive_args::{OffersArgs, ReceiveArgs};
pub(super) use relay_args::RelayArgs;
pub(super) use relay_command::{QuotaCommand, RelayCommand, RelayCommandLine};
pub(super) use send_args::SendArgs;
pub(super) use server_args::{BridgeCommandArgs, RelayCommandArgs, StartArgs, StopArgs, UsersArgs};
pub(super) use share_args::ShareArgs;
pub(super) use target_args::TargetArgs;
pub(super) use up_args::UpArgs;
