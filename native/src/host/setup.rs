//! The settings of a host.

use xcher_core::irc::Credentials;
use xcher_core::peer::Config;

use super::{EncryptionSetup, Sink, TlsRoots};
use crate::RelayAddress;
use crate::data::Rate;
use crate::files::Shares;

/// The settings of a host.
pub struct Setup {
    /// The settings of its state machine.
    pub config: Config,
    /// The relay's address.
    pub relay: RelayAddress,
    /// The token for the bridge and for the relay, if they demand one.
    pub token: Option<String>,
    /// How to use the IRC server, if the relay is a channel there.
    pub irc: IrcOptions,
    /// The TLS roots that the certificate of the bridge, the relay or the IRC server is checked against.
    pub tls_roots: TlsRoots,
    /// This host's key and the pinned keys; without them every session is unencrypted.
    pub encryption: Option<EncryptionSetup>,
    /// The shared files.
    pub shares: Shares,
    /// The place that received files are written to.
    pub sink: Sink,
    /// Limits on bytes a second.
    pub rates: Rates,
    /// True if the router of this network is asked to forward ports to this host's listeners.
    #[cfg(feature = "map-ports")]
    pub map_ports: bool,
}

/// How a host uses an IRC server.
#[derive(Clone, Debug, Default)]
pub struct IrcOptions {
    /// The passwords and keys that it demands.
    pub credentials: Credentials,
    /// Permits a connection without TLS to a server that is not on this machine.
    pub allow_cleartext: bool,
}

/// Limits on bytes a second, for all transfers of one direction together.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    /// For files that this host sends.
    pub send: Rate,
    /// For files that it receives.
    pub receive: Rate,
}
