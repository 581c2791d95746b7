//! The options of a relay.

use clap::Args;
use xcher_core::RelayLimits;

use super::bridge_args::BridgeArgs;
use super::cluster_args::ClusterArgs;
use super::listen_address::{ListenAddress, relay_address};
use super::values::switch;
use crate::cli::exit::CliError;

#[derive(Clone, Debug, Args)]
pub(crate) struct RelayArgs {
    /// Listen for hosts on this address, and on each that is given; port 0 picks a free one
    ///
    /// An IP alone means port 9247, a port alone this machine alone: 0.0.0.0, [::], localhost:9247, 9247.
    /// tls://IP:PORT is a port with TLS (9250 if it is left out), which needs --tls-cert or --acme-domain; unix:PATH a Unix socket for a
    /// proxy.
    #[arg(long, env = "XCHER_LISTEN", value_name = "[tls://]IP:PORT|unix:PATH")]
    #[arg(value_parser = relay_address, value_delimiter = ',', default_value = "127.0.0.1:9247")]
    pub(crate) listen: Vec<ListenAddress>,
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
    /// Checks that the ports can be used as they are meant, with a certificate or without.
    ///
    /// # Errors
    ///
    /// A usage error that names the option that is missing.
    pub(crate) fn check_listen(&self, has_certificate: bool) -> Result<(), CliError> {
        self.bridge.check_proxies(Some(&self.listen))?;
        match self.listen.iter().find(|listen| listen.tls && !has_certificate) {
            None => Ok(()),
            Some(listen) => Err(CliError::usage(format!(
                "--listen {listen} needs a certificate; name one with --tls-cert and --tls-key, or --acme-domain"
            ))),
        }
    }

    pub(crate) fn limits(&self) -> RelayLimits {
        RelayLimits {
            connections: self.max_connections,
            per_address: self.max_per_address,
            any_address: self.any_address,
            ..RelayLimits::default()
        }
    }
}
