//! The options of a bridge, alone or with a relay.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use xcher_core::tunnel::QuotaLimits;

use super::access_args::AccessArgs;
use super::acme_args::AcmeArgs;
use super::listen_address::{HttpAddress, ListenAddress, http_address, stun_address};
use super::operator_args::OperatorArgs;
use super::values::{bridge_rate, network, port_range, quota, threads};
use crate::bridge::{BridgeConfig, Rates};
use crate::cli::exit::CliError;
use crate::http::{Access, PageStun, Tls, host_name, origin, stun_url};
use crate::net::socket_address::SocketAddress;

#[derive(Clone, Debug, Args)]
pub(crate) struct BridgeArgs {
    /// Listen for browsers and hosts behind NAT on this address, and on each that is given, or off
    /// [default: 127.0.0.1:9248; with a relay, the port after its own]
    ///
    /// An IP alone means port 9248, a port alone this machine alone: 0.0.0.0, [::], localhost:9248, 9248. unix:PATH is
    /// a Unix socket for a proxy, without TLS.
    #[arg(long, env = "XCHER_HTTP", value_name = "IP:PORT|unix:PATH", value_parser = http_address)]
    #[arg(value_delimiter = ',')]
    http: Vec<HttpAddress>,
    /// Allocate ports from this range [default: any free port]
    #[arg(long, env = "XCHER_TUNNEL_PORTS", value_name = "LOW-HIGH", value_parser = port_range)]
    #[arg(hide_short_help = true)]
    pub(crate) tunnel_ports: Option<RangeInclusive<u16>>,
    /// Announce allocated ports at this public IP [default: the one a client connected to]
    #[arg(long, env = "XCHER_PUBLIC_IP", value_name = "IP")]
    pub(crate) public_ip: Option<IpAddr>,
    /// Answer STUN at this UDP address, so that browsers of different networks can connect directly
    ///
    /// STUN (RFC 8489) tells a browser its public address. An IP alone means port 3478. The page tells browsers to ask
    /// this port of the host that it was loaded from, unless --page-stun names others.
    #[arg(long, env = "XCHER_STUN", value_name = "IP:PORT", value_parser = stun_address)]
    pub(crate) stun: Option<SocketAddr>,
    /// Have the page's browsers ask these STUN servers for their public addresses, such as stun:stun.example:3478
    /// [default: that of --stun; without it, none]
    #[arg(long, env = "XCHER_PAGE_STUN", value_name = "URL", value_delimiter = ',')]
    #[arg(value_parser = stun_url, hide_short_help = true)]
    page_stun: Vec<String>,
    /// Allow pages of this origin, too, to open a tunnel
    #[arg(long, env = "XCHER_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    #[arg(value_parser = origin, hide_short_help = true)]
    pub(crate) allow_origin: Vec<String>,
    /// Serve TLS at --http, and at --listen tls://…, with this PEM certificate chain; a changed file is read again
    #[arg(long, env = "XCHER_TLS_CERT", value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Use this PEM private key for --tls-cert
    #[arg(long, env = "XCHER_TLS_KEY", value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) acme: AcmeArgs,
    /// Accept this host name from browsers, such as relay.example
    /// [default: IP addresses, localhost, and the names in --tls-cert or --acme-domain only]
    #[arg(long, env = "XCHER_HOST_NAME", value_name = "NAME", value_delimiter = ',')]
    #[arg(value_parser = host_name)]
    pub(crate) host_name: Vec<String>,
    /// Trust X-Forwarded-For, and --proxy-protocol, from this reverse proxy, or network such as 10.0.0.0/24
    #[arg(long, env = "XCHER_TRUSTED_PROXY", value_name = "IP", value_delimiter = ',')]
    #[arg(value_parser = network, hide_short_help = true)]
    pub(crate) trusted_proxy: Vec<IpNet>,
    /// Require a PROXY header (version 1 or 2) of each --trusted-proxy and at Unix sockets, at these ports
    ///
    /// The header names the client's address. Connections that do not come from a trusted proxy have none.
    #[arg(long, env = "XCHER_PROXY_PROTOCOL", value_name = "PORTS", value_delimiter = ',')]
    #[arg(value_enum, hide_short_help = true)]
    proxy_protocol: Vec<ProxyPorts>,
    /// Limit one tunnel, both directions together, to this many bytes a second, such as 10mb
    /// [default: no limit]
    #[arg(long, env = "XCHER_TUNNEL_RATE", value_name = "RATE", value_parser = bridge_rate)]
    #[arg(hide_short_help = true)]
    pub(crate) tunnel_rate: Option<NonZeroU64>,
    /// Limit all tunnels of one address together to this many bytes a second [default: no limit]
    #[arg(long, env = "XCHER_ADDRESS_RATE", value_name = "RATE", value_parser = bridge_rate)]
    #[arg(hide_short_help = true)]
    pub(crate) address_rate: Option<NonZeroU64>,
    /// Limit all tunnels together to this many bytes a second [default: no limit]
    #[arg(long, env = "XCHER_TOTAL_RATE", value_name = "RATE", value_parser = bridge_rate)]
    #[arg(hide_short_help = true)]
    pub(crate) total_rate: Option<NonZeroU64>,
    /// Let all tunnels of one address carry this many bytes a calendar month (UTC), such as 100gb
    /// [default: no limit]
    ///
    /// An IPv6 address counts with its /64, and both directions count. `xcher relay quotas` shows what was used, which
    /// survives restarts in the folder of keys.
    #[arg(long, env = "XCHER_ADDRESS_QUOTA", value_name = "SIZE", value_parser = quota)]
    #[arg(hide_short_help = true)]
    pub(crate) address_quota: Option<NonZeroU64>,
    /// Let all tunnels together carry this many bytes a calendar month [default: no limit]
    #[arg(long, env = "XCHER_TOTAL_QUOTA", value_name = "SIZE", value_parser = quota)]
    #[arg(hide_short_help = true)]
    pub(crate) total_quota: Option<NonZeroU64>,
    /// Serve clients on this many threads [default: one for each processor]
    #[arg(long, env = "XCHER_THREADS", value_name = "N", hide_short_help = true)]
    #[arg(value_parser = threads)]
    pub(crate) threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(crate) access_args: AccessArgs,
    #[command(flatten)]
    pub(crate) operator: OperatorArgs,
}

/// A choice of `--proxy-protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProxyPorts {
    /// Where hosts connect
    Listen,
    /// Where browsers and tunnels connect
    Http,
}

impl BridgeArgs {
    /// Returns where to listen for HTTP: `None` for the default, nothing if it is off.
    ///
    /// # Errors
    ///
    /// A usage error for `off` beside an address, or beside `--stun`.
    pub(crate) fn http(&self) -> Result<Option<Vec<SocketAddress>>, CliError> {
        let at: Vec<_> = self.http.iter().filter_map(HttpAddress::at).cloned().collect();
        let is_off = self.http.contains(&HttpAddress::Off);
        match (self.http.is_empty(), is_off, at.is_empty()) {
            (true, ..) => Ok(None),
            (false, true, false) => {
                Err(CliError::usage("--http is off and an address; leave one of them out"))
            }
            (false, true, true) if self.stun.is_some() => Err(CliError::usage(
                "--stun is for browsers, and needs the bridge's page; give --http an address, or leave \
                 --stun out",
            )),
            _ => Ok(Some(at)),
        }
    }

    /// Returns the networks whose connections to the relay begin with a PROXY header, as those to its Unix sockets
    /// do; `None` if no connection does.
    pub(crate) fn relay_proxies(&self) -> Option<Vec<IpNet>> {
        let is_on = self.proxy_protocol.contains(&ProxyPorts::Listen);
        is_on.then(|| self.trusted_proxy.clone())
    }

    /// Checks that there are proxies, if they are to send a header. `listen` is where a relay of this process listens.
    ///
    /// # Errors
    ///
    /// A usage error that names the option that is missing, or that has no effect.
    pub(crate) fn check_proxies(&self, listen: Option<&[ListenAddress]>) -> Result<(), CliError> {
        if listen.is_none() && self.relay_proxies().is_some() {
            let text = "--proxy-protocol listen has no effect on `xcher bridge`; leave it out";
            return Err(CliError::usage(text));
        }
        let listen = listen.unwrap_or_default();
        let is_unix = |at: &SocketAddress| matches!(at, SocketAddress::Unix(_));
        for (port, option, has_socket) in [
            (ProxyPorts::Listen, "listen", listen.iter().any(|listen| is_unix(&listen.at))),
            (ProxyPorts::Http, "http", self.http.iter().filter_map(HttpAddress::at).any(is_unix)),
        ] {
            let is_on = self.proxy_protocol.contains(&port);
            if is_on && self.trusted_proxy.is_empty() && !has_socket {
                return Err(CliError::usage(format!(
                    "--proxy-protocol {option} needs the proxies; name them with --trusted-proxy, or use \
                     --{option} unix:PATH"
                )));
            }
        }
        Ok(())
    }

    /// Loads the certificate of the bridge's port from its files, if they are named.
    pub(crate) fn tls(&self) -> Result<Option<Tls>, CliError> {
        let needs = |given: &str, missing: &str| {
            Err(CliError::usage(format!("{given} needs {missing} as well; name both files")))
        };
        match (&self.tls_cert, &self.tls_key) {
            (None, None) => Ok(None),
            (Some(_), None) => needs("--tls-cert", "--tls-key"),
            (None, Some(_)) => needs("--tls-key", "--tls-cert"),
            (Some(cert), Some(key)) => Tls::load(cert, key).map(Some).map_err(CliError::usage),
        }
    }

    /// Returns the configuration of allocated ports, for a page at the address `http`.
    pub(crate) fn bridge_config(&self, http: IpAddr) -> BridgeConfig {
        // A public address may belong to a router in front of this host.
        let listen_ip = match self.public_ip {
            None => http,
            Some(IpAddr::V4(_)) => Ipv4Addr::UNSPECIFIED.into(),
            Some(IpAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let (public_ip, ports) = (self.public_ip, self.tunnel_ports.clone());
        let (rates, quotas) = (self.rates(), self.quotas());
        BridgeConfig { public_ip, ports, rates, quotas, ..BridgeConfig::at(listen_ip) }
    }

    /// Returns the STUN servers of the page; `port` is that of the own one.
    pub(crate) fn page_stun(&self, port: Option<u16>) -> PageStun {
        PageStun { urls: self.page_stun.clone(), port }
    }

    /// Returns the limits on the rates of tunnels.
    pub(crate) fn rates(&self) -> Rates {
        Rates { tunnel: self.tunnel_rate, address: self.address_rate, total: self.total_rate }
    }

    /// Returns the limits on the bytes of tunnels in a month.
    pub(crate) fn quotas(&self) -> QuotaLimits {
        let [address, total] =
            [self.address_quota, self.total_quota].map(|it| it.map(NonZeroU64::get));
        QuotaLimits { address, total, ..QuotaLimits::default() }
    }

    /// Returns the rules for opening tunnels, with this token.
    pub(crate) fn access(&self, token: Option<String>) -> Access {
        Access {
            allow_origin: self.allow_origin.clone(),
            token,
            users: None,
            host_names: [&*self.host_name, &self.acme.acme_domain].concat(),
            trusted_proxies: self.trusted_proxy.clone(),
            proxy_protocol: self.proxy_protocol.contains(&ProxyPorts::Http),
        }
    }
}
