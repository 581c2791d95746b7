//! What a bridge takes on the command line, alone or with a relay.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::Args;
use ipnet::IpNet;
use xcher_core::Size;

use super::exit::CliError;
use crate::bridge::{BridgeConfig, Rates};
use crate::http::{Access, Tls, host_name, origin};

#[derive(Clone, Debug, Args)]
pub(super) struct BridgeArgs {
    /// Where the bridge for browsers and hosts behind NAT listens, or off [default:
    /// 127.0.0.1:9248; of a relay, the port after its own]
    #[arg(long, env = "XCHER_HTTP", value_name = "IP:PORT", value_parser = address_or_off)]
    pub(super) http: Option<HttpAddress>,
    /// The ports that the bridge lends [default: any that is free]
    #[arg(long, env = "XCHER_TUNNEL_PORTS", value_name = "LOW-HIGH", value_parser = port_range)]
    pub(super) tunnel_ports: Option<RangeInclusive<u16>>,
    /// The address that lent ports are reached at [default: the one that a client came to]
    #[arg(long, env = "XCHER_PUBLIC_IP", value_name = "IP")]
    pub(super) public_ip: Option<IpAddr>,
    /// Another origin whose pages may open a tunnel
    #[arg(long, env = "XCHER_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',', value_parser = origin)]
    pub(super) allow_origin: Vec<String>,
    /// Speak TLS at --http, with this PEM certificate chain; read again when it changes
    #[arg(long, env = "XCHER_TLS_CERT", value_name = "FILE")]
    pub(super) tls_cert: Option<PathBuf>,
    /// The PEM private key of --tls-cert
    #[arg(long, env = "XCHER_TLS_KEY", value_name = "FILE")]
    pub(super) tls_key: Option<PathBuf>,
    /// A name by which browsers reach --http, such as relay.example [default: IP addresses, localhost
    /// and the names in --tls-cert alone]
    #[arg(long, env = "XCHER_HOST_NAME", value_name = "NAME", value_delimiter = ',', value_parser = host_name)]
    pub(super) host_name: Vec<String>,
    /// A reverse proxy, or a network of them such as 10.0.0.0/24, whose X-Forwarded-For is believed
    #[arg(long, env = "XCHER_TRUSTED_PROXY", value_name = "IP", value_delimiter = ',', value_parser = network)]
    pub(super) trusted_proxy: Vec<IpNet>,
    /// The most bytes a second of one tunnel, both ways together, such as 10mb [default: no limit]
    #[arg(long, env = "XCHER_TUNNEL_RATE", value_name = "SIZE", value_parser = rate)]
    pub(super) tunnel_rate: Option<NonZeroU64>,
    /// The same of all tunnels of one address
    #[arg(long, env = "XCHER_ADDRESS_RATE", value_name = "SIZE", value_parser = rate)]
    pub(super) address_rate: Option<NonZeroU64>,
    /// The same of all tunnels
    #[arg(long, env = "XCHER_TOTAL_RATE", value_name = "SIZE", value_parser = rate)]
    pub(super) total_rate: Option<NonZeroU64>,
}

/// Where a bridge's page and WebSocket are, if anywhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct HttpAddress(pub(super) Option<SocketAddr>);

impl BridgeArgs {
    /// The certificate of the bridge's port, if it has one.
    pub(super) fn tls(&self) -> Result<Option<Tls>, CliError> {
        let lacks = |lacking: &str, got: &str| {
            Err(CliError::usage(format!("expected {lacking} beside {got}, got none")))
        };
        match (&self.tls_cert, &self.tls_key) {
            (None, None) => Ok(None),
            (Some(_), None) => lacks("--tls-key", "--tls-cert"),
            (None, Some(_)) => lacks("--tls-cert", "--tls-key"),
            (Some(cert), Some(key)) => Tls::load(cert, key).map(Some).map_err(CliError::usage),
        }
    }

    /// What the bridge lends, where its page is at this address.
    pub(super) fn lends(&self, http: IpAddr) -> BridgeConfig {
        // A public address may be none of this host's, but of a router before it.
        let listen_ip = match self.public_ip {
            None => http,
            Some(IpAddr::V4(_)) => Ipv4Addr::UNSPECIFIED.into(),
            Some(IpAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let (public_ip, ports) = (self.public_ip, self.tunnel_ports.clone());
        BridgeConfig { public_ip, ports, rates: self.rates(), ..BridgeConfig::at(listen_ip) }
    }

    /// How fast its tunnels may be.
    pub(super) fn rates(&self) -> Rates {
        Rates { tunnel: self.tunnel_rate, address: self.address_rate, total: self.total_rate }
    }

    /// Who may open tunnels, where this is the token.
    pub(super) fn access(&self, token: Option<String>) -> Access {
        Access {
            allow_origin: self.allow_origin.clone(),
            token,
            host_names: self.host_name.clone(),
            trusted_proxies: self.trusted_proxy.clone(),
        }
    }
}

/// `LOW-HIGH`, both included.
fn port_range(text: &str) -> Result<RangeInclusive<u16>, String> {
    let parsed = text.split_once('-').and_then(|(low, high)| {
        let (low, high) = (low.parse::<u16>().ok()?, high.parse::<u16>().ok()?);
        (1024 <= low && low <= high).then_some(low..=high)
    });
    parsed.ok_or_else(|| "expected LOW-HIGH from 1024 up, such as 40000-40999".to_owned())
}

/// An address, or a network of them.
fn network(text: &str) -> Result<IpNet, String> {
    let one = text.parse::<IpAddr>().map(|ip| IpNet::from(ip.to_canonical()));
    one.or_else(|_| text.parse())
        .map_err(|_| "expected an IP address or a network such as 10.0.0.0/24".to_owned())
}

/// Bytes a second.
fn rate(text: &str) -> Result<NonZeroU64, String> {
    let rate = Size::parse(text).and_then(|size| NonZeroU64::new(size.bytes()));
    rate.ok_or_else(|| "expected bytes a second from 1 up, such as 500kb or 10mb".to_owned())
}

/// An address to listen on, or `off`.
fn address_or_off(text: &str) -> Result<HttpAddress, String> {
    match text {
        "off" => Ok(HttpAddress(None)),
        text => text
            .parse()
            .map(|address| HttpAddress(Some(address)))
            .map_err(|_| "expected IP:PORT, such as 127.0.0.1:9248, or off".to_owned()),
    }
}
