//! The options of every command.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::{ArgAction, Args};
use xcher_core::Nick;
use xcher_core::peer::{Path, PathPolicy};

use super::irc_args::IrcArgs;
use super::raw_values::RawValues;
use super::values::{PathChoice, host_rate, switch};
use crate::cli::exit::CliError;
use crate::data::Rate;
use crate::host::{Rates, TlsRoots};
use crate::keys;
use crate::relay_address::{DEFAULT_PORT, RelayAddress};

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Common options")]
pub(crate) struct Common {
    /// Use this relay, or its bridge's URL to connect from behind NAT [default: none, hosts of the local
    /// network find each other]
    ///
    /// HOST:PORT is the relay's TCP port, 9247 if it is left out; the peers must then be able to
    /// connect to each other. tls://HOST:PORT is its port with TLS, 9250 if it is left out. The URL of its bridge (wss://HOST/xcher, or the URL of its page) reaches the relay over WebSocket, and
    /// the bridge carries files that cannot go directly. Without this option the hosts of the local
    /// network find each other, unless a relay listens at 127.0.0.1:9247; `lan` always means the
    /// local network. ircs://HOST/#CHANNEL uses the members of an IRC channel as the hosts that are
    /// online: every call is asked about there, and the peers must be able to connect to each other.
    #[arg(
        id = "relay",
        long,
        global = true,
        env = "XCHER_RELAY",
        value_name = "HOST[:PORT]|URL|lan"
    )]
    pub(crate) named_relay: Option<RelayAddress>,
    /// The relay to use: the named one, or the one that was chosen.
    #[arg(skip = Common::default_relay())]
    pub(crate) relay: RelayAddress,
    /// Neither announce this host in the local network nor look for others there
    #[arg(long, global = true, env = "XCHER_NO_LAN", value_parser = switch())]
    #[arg(hide_short_help = true)]
    pub(crate) no_lan: bool,
    /// Register this nick at the relay [default: your user name, made unique]
    #[arg(long, global = true, env = "XCHER_NICK")]
    pub(crate) nick: Option<Nick>,
    /// Announce this IP address to peers [default: the one the relay sees]
    #[arg(long, global = true, env = "XCHER_ADVERTISE", value_name = "IP", hide_short_help = true)]
    pub(crate) advertise: Option<IpAddr>,
    /// Choose the path of connections, if --relay is the URL of a bridge
    #[arg(long, global = true, env = "XCHER_VIA", value_name = "PATH", default_value = "auto")]
    #[arg(value_enum, hide_short_help = true)]
    pub(crate) via: PathChoice,
    /// Read the token for a relay or bridge from the first line of this file
    ///
    /// A host shows it to a bridge, and over TLS or on this machine to a relay that knows users; a bridge requires it of every
    /// tunnel that brings no user's.
    #[arg(long, global = true, env = "XCHER_TOKEN_FILE", value_name = "FILE")]
    #[arg(hide_short_help = true)]
    pub(crate) token_file: Option<PathBuf>,
    /// Trust the CA certificates in this PEM file for a bridge, a relay or an IRC server, instead of the system's
    #[arg(long, global = true, env = "XCHER_TLS_CA", value_name = "FILE", hide_short_help = true)]
    pub(crate) tls_ca: Option<PathBuf>,
    /// Accept calls from private addresses over any relay
    #[arg(long, global = true, env = "XCHER_ALLOW_PRIVATE", value_parser = switch())]
    #[arg(hide_short_help = true)]
    pub(crate) allow_private: bool,
    /// Do not connect at private addresses to hosts behind the same NAT
    #[arg(long, global = true, env = "XCHER_NO_NEAR", value_parser = switch())]
    #[arg(hide_short_help = true)]
    pub(crate) no_near: bool,
    /// Do not connect through NATs by hole punching
    ///
    /// Without this option, if a host does not connect at once, the relay tells both where it sees the other, and
    /// they connect to each other at the same moment.
    #[arg(long, global = true, env = "XCHER_NO_PUNCH", value_parser = switch())]
    #[arg(hide_short_help = true)]
    pub(crate) no_punch: bool,
    /// Ask the router to forward ports to this host, so that hosts elsewhere can connect to it
    ///
    /// Helps a host that calls others from behind a router with PCP or NAT-PMP. The ports are closed while no
    /// peer is expected, and given back at the end.
    #[arg(long, global = true, env = "XCHER_MAP_PORTS", value_parser = switch())]
    #[arg(hide_short_help = true)]
    pub(crate) map_ports: bool,
    /// Disable encryption and all protocol extensions
    #[arg(long, global = true, env = "XCHER_PLAIN", value_parser = switch())]
    #[arg(hide_short_help = true)]
    pub(crate) plain: bool,
    /// Require encrypted sessions
    #[arg(long, global = true, env = "XCHER_SECURE", value_parser = switch())]
    #[arg(hide_short_help = true)]
    pub(crate) secure: bool,
    /// Keep this host's key and known_peers in this folder [default: the platform's data folder]
    #[arg(long, global = true, env = "XCHER_DATA_DIR", value_name = "DIR", hide_short_help = true)]
    pub(crate) data_dir: Option<PathBuf>,
    /// Give up connecting after this many seconds; stalled transfers get twice as long
    #[arg(
        long,
        global = true,
        env = "XCHER_TIMEOUT",
        value_name = "SECONDS",
        default_value = "30",
        hide_short_help = true
    )]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
    /// Limit all sending together to this many bytes a second, such as 500kb or 2mb [default: no limit]
    #[arg(long, global = true, env = "XCHER_LIMIT_SEND", value_name = "RATE")]
    #[arg(value_parser = host_rate, hide_short_help = true)]
    pub(crate) limit_send: Option<NonZeroU64>,
    /// Limit all receiving together to this many bytes a second [default: no limit]
    #[arg(long, global = true, env = "XCHER_LIMIT_RECEIVE", value_name = "RATE")]
    #[arg(value_parser = host_rate, hide_short_help = true)]
    pub(crate) limit_receive: Option<NonZeroU64>,
    /// Print events on standard output, one JSON object a line
    #[arg(long, global = true, env = "XCHER_JSON", value_parser = switch())]
    pub(crate) json: bool,
    /// Print errors only
    #[arg(short, long, global = true, env = "XCHER_QUIET", value_parser = switch())]
    pub(crate) quiet: bool,
    /// Print details; -vv adds the log's debug lines
    #[arg(short, long, global = true, action = ArgAction::Count, env = "XCHER_VERBOSE")]
    pub(crate) verbose: u8,
    /// Read defaults from this file [default: config.toml in the platform's configuration folder]
    #[arg(long, global = true, env = "XCHER_CONFIG", value_name = "FILE", hide_short_help = true)]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) irc: IrcArgs,
    /// Raw text of all options of the command.
    #[arg(skip)]
    pub(crate) raw: RawValues,
    /// True if the command line itself names the relay.
    #[arg(skip)]
    pub(crate) relay_is_typed: bool,
}

impl Common {
    /// Returns the address of a relay on this machine, which is used if none is named.
    pub(crate) fn default_relay() -> RelayAddress {
        SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)).into()
    }

    /// Sets the relay to use, if one is named.
    pub(crate) fn settle_relay(&mut self) {
        if let Some(named) = &self.named_relay {
            self.relay = named.clone();
        }
    }

    /// Returns these options with a relay.
    pub(crate) fn at(&self, relay: RelayAddress) -> Self {
        Self { named_relay: Some(relay.clone()), relay, ..self.clone() }
    }

    /// Returns true if hosts of the local network may be announced and found.
    pub(crate) fn uses_lan(&self) -> bool {
        match &self.named_relay {
            Some(relay) => relay.is_lan(),
            None => !self.no_lan,
        }
    }

    /// Returns the relays for which keys are pinned.
    pub(crate) fn pin_scope(&self) -> Vec<RelayAddress> {
        match &self.named_relay {
            None if self.uses_lan() => vec![self.relay.clone(), RelayAddress::lan()],
            _ => vec![self.relay.clone()],
        }
    }

    /// Returns the limits on the rates of files.
    pub(crate) fn rates(&self) -> Rates {
        Rates { send: Rate::new(self.limit_send), receive: Rate::new(self.limit_receive) }
    }

    /// Reads the bridge's token, if a file for it is named.
    pub(crate) fn token(&self) -> Result<Option<String>, CliError> {
        self.token_file.as_deref().map(read_token).transpose()
    }

    /// Returns the paths that connections may take.
    pub(crate) fn via(&self) -> Result<PathPolicy, CliError> {
        let only = match self.via {
            PathChoice::Auto => None,
            PathChoice::Direct => Some(Path::Direct),
            PathChoice::Bridge => Some(Path::Bridge),
        };
        self.relay.path_policy(only).ok_or_else(|| {
            let what = match self.relay.irc_channel() {
                Some(_) => "an IRC channel",
                None => "a relay's TCP port",
            };
            CliError::usage(format!(
                "--via bridge needs a bridge, and {} is {what}; name the bridge's URL with --relay",
                self.relay
            ))
        })
    }

    /// Returns the TLS roots for the certificate of a bridge or an IRC server.
    pub(crate) fn tls_roots(&self) -> Result<TlsRoots, CliError> {
        let file = self.tls_ca.as_deref();
        let roots = file.map_or_else(|| Ok(TlsRoots::default()), TlsRoots::only);
        let roots = roots.map_err(CliError::usage)?;
        Ok(roots.with_hint("to trust a certificate, name its PEM file with --tls-ca"))
    }

    /// Returns the folder of the keys.
    pub(crate) fn data_folder(&self) -> Result<PathBuf, CliError> {
        self.data_dir.clone().or_else(keys::usual_folder).ok_or_else(|| {
            CliError::usage("no home directory to keep keys in; name a folder with --data-dir")
        })
    }
}

/// Reads a token from the first line of a file.
pub(crate) fn read_token(file: &std::path::Path) -> Result<String, CliError> {
    let (text, at) = (std::fs::read_to_string(file), file.display());
    let text = text.map_err(|error| CliError::usage(format!("cannot read {at}: {error}")))?;
    match text.lines().next().map(str::trim) {
        Some(token) if !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()) => {
            Ok(token.to_owned())
        }
        _ => Err(CliError::usage(format!(
            "{at}: no token on the first line; write one in printable ASCII, without spaces"
        ))),
    }
}
