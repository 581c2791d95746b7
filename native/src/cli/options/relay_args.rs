//! The options of a relay.

use std::net::SocketAddr;

use clap::Args;
use xcher_core::RelayLimits;

use super::bridge_args::BridgeArgs;
use super::cluster_args::ClusterArgs;
use super::listen_address::relay_address;
use super::values::switch;

#[derive(Clone, Debug, Args)]
pub(crate) struct RelayArgs {
    /// Listen for hosts on this address; port 0 picks a free one
    ///
    /// An IP alone means port 9247, a port alone this machine alone: 0.0.0.0, [::], localhost:9247, 9247.
    #[arg(long, env = "XCHER_LISTEN", value_name = "IP:PORT", default_value = "127.0.0.1:9247")]
    #[arg(value_parser = relay_address)]
    pub(crate) listen: SocketAddr,
    /// Forward X_INITs that name any address, not only the sender's own
    #[arg(long, env = "XCHER_ANY_ADDRESS", value_parser = switch(), hide_short_help = true)]
    pub(crate) any_address: bool,
    /// Accept at most this many connections
    #[arg(long, env = "XCHER_MAX_CONNECTIONS", value_name = "N", default_value = "20000")]
    #[arg(hide_short_help = true)]
    pub(crate) max_connections: usize,
    /// Accept at most this many connections from one address
    #[arg(long, env = "XCHER_MAX_PER_ADDRESS", value_name = "N", default_value = "256")]
    #[arg(hide_short_help = true)]
    pub(crate) max_per_address: usize,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) bridge: BridgeArgs,
}

impl RelayArgs {
    pub(crate) fn limits(&self) -> RelayLimits {
        RelayLimits {
            connections: self.max_connections,
            per_address: self.max_per_address,
            any_address: self.any_address,
            ..RelayLimits::default()
        }
    }
}
