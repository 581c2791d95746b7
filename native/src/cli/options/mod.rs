//! The options: their definitions, and how command line, environment and configuration file are read.

mod bridge_args;
mod cli_args;
pub(super) mod command_line;
mod common;
pub(super) mod config_file;
mod get_args;
mod listen_address;
mod partial_args;
mod peers_args;
mod raw_values;
mod receive_args;
mod relay_args;
mod send_args;
mod share_args;
mod target_args;
mod up_args;
mod values;

pub(super) use bridge_args::BridgeArgs;
pub(super) use cli_args::{Cli, Command, command};
pub(super) use common::{Common, DEFAULT_RELAY};
pub(super) use get_args::GetArgs;
pub(super) use listen_address::{DEFAULT_HTTP_PORT, HttpAddress};
pub(super) use partial_args::{PartialArgs, PartialCommand};
pub(super) use peers_args::{PeersArgs, PeersCommand};
pub(super) use raw_values::RawValues;
pub(super) use receive_args::{OffersArgs, ReceiveArgs};
pub(super) use relay_args::RelayArgs;
pub(super) use send_args::SendArgs;
pub(super) use share_args::ShareArgs;
pub(super) use target_args::TargetArgs;
pub(super) use up_args::UpArgs;
