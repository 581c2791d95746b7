//! The options of `xcher peers`.

use clap::{Args, Subcommand};
use xcher_core::Nick;
use xcher_core::secure::PublicKey;

#[derive(Clone, Debug, Args)]
pub(crate) struct PeersArgs {
    #[command(flatten)]
    pub(crate) scope: RelayScope,
    #[command(subcommand)]
    pub(crate) command: Option<PeersCommand>,
}

/// The relays that a command applies to.
#[derive(Clone, Debug, Args)]
pub(crate) struct RelayScope {
    /// Include the peers of every relay, not only of --relay
    #[arg(long)]
    pub(crate) every_relay: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum PeersCommand {
    /// List the known peers of the relay: NICK, KEY, SINCE, RELAY, separated by tabs
    List {
        #[command(flatten)]
        scope: RelayScope,
    },
    /// Forget pinned keys and list them; the next key a peer shows is pinned instead
    Forget {
        /// Nick of the peer
        #[arg(value_name = "NICK", required_unless_present = "all", conflicts_with = "all")]
        peer: Option<Nick>,
        /// Forget the keys of all peers
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        scope: RelayScope,
    },
    /// Pin a key that a peer has given you, replacing any other
    Pin {
        /// Nick of the peer
        #[arg(value_name = "NICK")]
        peer: Nick,
        /// Key of the peer, as `xcher peers me` prints it there
        #[arg(value_parser = PublicKey::parse)]
        key: PublicKey,
    },
    /// Print this host's public key, which is created at first use
    Me,
}
