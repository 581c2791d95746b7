//! The router of the default route, and what it is asked.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::time::Duration;

use crab_nat::pcp::BaseMapRequest;
use crab_nat::{
    GATEWAY_PORT, InternetProtocol, PortMapping, PortMappingOptions, PortMappingType,
    TimeoutConfig, natpmp, pcp,
};
use netroute::{RouteEntry, list_routes};
use tokio::net::UdpSocket;
use xcher_core::addr::{Scope, scope};

/// Seconds after which a mapping ends that is not renewed. A router forwards ports of a crashed host no longer.
const LEASE_SECONDS: u32 = 600;
/// Least time between renewals, whatever lease the router grants.
const MIN_RENEWAL_INTERVAL: Duration = Duration::from_secs(5);
/// Waits of 0.5, 1 and 2 s for an answer of the router, which is one hop away and may be slow.
const PATIENCE: TimeoutConfig = TimeoutConfig {
    initial_timeout: Duration::from_millis(500),
    max_retries: 2,
    max_retry_timeout: None,
};
/// Linux's number of the routing table that applies to everyone.
const MAIN_TABLE: u32 = 254;

/// The router of the default route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gateway {
    address: Ipv4Addr,
    /// This host's address towards it.
    pub(super) own: Ipv4Addr,
}

impl Gateway {
    /// Finds it in the system's routing table.
    pub(super) async fn of_default_route() -> Result<Self, String> {
        let routes = tokio::task::spawn_blocking(list_routes).await.map_err(io::Error::from);
        let routes = routes
            .and_then(|routes| routes)
            .map_err(|error| format!("cannot read the routing table: {error}"))?;
        let Some(address) = default_gateway(&routes) else {
            return Err("this host has no default route in a private network".to_owned());
        };
        let own = own_address_towards(address).await;
        let own = own.map_err(|error| format!("cannot reach the router {address}: {error}"))?;
        Ok(Self { address, own })
    }

    /// Maps a port to the same port of this host.
    pub(super) async fn map(self, port: u16) -> Result<Lease, String> {
        let internal = NonZeroU16::new(port).ok_or("0 is no port")?;
        let (gateway, own) = (IpAddr::from(self.address).into(), self.own.into());
        let tcp = InternetProtocol::Tcp;
        let mapping = PortMapping::new(gateway, own, tcp, internal, options(internal)).await;
        let mapping = mapping.map_err(|error| self.refusal(error))?;
        let mut lease = Lease { mapping, external: Ipv4Addr::UNSPECIFIED };
        let checked = lease.check(self).await;
        match checked {
            Ok(()) => Ok(lease),
            Err(why) => {
                let _ = lease.delete().await;
                Err(why)
            }
        }
    }

    fn refusal(self, error: impl std::fmt::Display) -> String {
        format!("the router {} did not map a port: {error}", self.address)
    }
}

/// A port that the gateway forwards to the same port of this host.
pub(super) struct Lease {
    mapping: PortMapping,
    /// The gateway's external address.
    pub(super) external: Ipv4Addr,
}

impl Lease {
    pub(super) fn port(&self) -> u16 {
        self.mapping.internal_port().get()
    }

    /// Returns the time after which to renew it.
    pub(super) fn renewal_interval(&self) -> Duration {
        let granted = self.mapping.lifetime().min(LEASE_SECONDS);
        (Duration::from_secs(granted.into()) / 2).max(MIN_RENEWAL_INTERVAL)
    }

    pub(super) async fn renew(&mut self, gateway: Gateway) -> Result<(), String> {
        let mapping = &self.mapping;
        let (internal, tcp) = (mapping.internal_port(), InternetProtocol::Tcp);
        let options = options(internal);
        // `PortMapping::renew` asks for the time that was granted, which may be less.
        self.mapping = match mapping.mapping_type() {
            PortMappingType::NatPmp => {
                let renewal = natpmp::port_mapping(mapping.gateway(), tcp, internal, options).await;
                renewal.map_err(|error| gateway.refusal(error))?
            }
            PortMappingType::Pcp { client, nonce, external_ip } => {
                let request = BaseMapRequest::new(mapping.gateway(), client, tcp, internal);
                let (nonce, external) = (Some(nonce), Some(external_ip));
                let renewal = pcp::port_mapping(request, nonce, external, options).await;
                renewal.map_err(|error| gateway.refusal(error))?
            }
        };
        self.check(gateway).await
    }

    pub(super) async fn delete(self) -> Result<(), String> {
        self.mapping.try_drop().await.map_err(|(error, _)| error.to_string())
    }

    /// Checks what was granted, and learns the external address.
    async fn check(&mut self, gateway: Gateway) -> Result<(), String> {
        if self.mapping.lifetime() == 0 {
            return Err(gateway.refusal("the mapping has already ended"));
        }
        let external = match self.mapping.mapping_type() {
            PortMappingType::Pcp { external_ip, .. } => external_ip.to_canonical(),
            PortMappingType::NatPmp => {
                let address = natpmp::external_address(self.mapping.gateway(), Some(PATIENCE));
                address.await.map_err(|error| gateway.refusal(error))?.into()
            }
        };
        let IpAddr::V4(external) = external else {
            return Err(gateway.refusal("it has no external IPv4 address"));
        };
        self.external = external;
        // A peer is told the number of the listener's port.
        if self.mapping.external_port() != self.mapping.internal_port() {
            return Err(gateway.refusal("the same external port is not free"));
        }
        Ok(())
    }
}

/// Returns what to ask for.
fn options(port: NonZeroU16) -> PortMappingOptions {
    PortMappingOptions {
        external_port: Some(port),
        lifetime_seconds: Some(LEASE_SECONDS),
        timeout_config: Some(PATIENCE),
    }
}

/// Returns the next hop of the default route. A public router is no home router, and is not asked.
fn default_gateway(routes: &[RouteEntry]) -> Option<Ipv4Addr> {
    let is_default = |route: &&RouteEntry| {
        route.destination.prefix_len == 0 && route.table.is_none_or(|table| table == MAIN_TABLE)
    };
    let hops = routes.iter().filter(is_default).filter_map(|route| match route.gateway {
        Some(IpAddr::V4(hop)) => Some((route.metric.unwrap_or(0), hop)),
        _ => None,
    });
    let (_, hop) = hops.min_by_key(|(metric, _)| *metric)?;
    (scope(hop.into()) == Scope::Private).then_some(hop)
}

/// Asks the system which of its addresses it would send from. Nothing is sent.
async fn own_address_towards(gateway: Ipv4Addr) -> io::Result<Ipv4Addr> {
    let socket = UdpSocket::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))).await?;
    socket.connect((gateway, GATEWAY_PORT)).await?;
    match socket.local_addr()?.ip() {
        IpAddr::V4(own) => Ok(own),
        IpAddr::V6(_) => Err(io::ErrorKind::AddrNotAvailable.into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use netroute::{RouteDestination, RouteFamily};

    use super::*;

    fn route(
        to: &str,
        prefix_len: u8,
        gateway: Option<&str>,
        metric: u32,
        table: u32,
    ) -> RouteEntry {
        RouteEntry {
            family: RouteFamily::Ipv4,
            destination: RouteDestination::new(to.parse().unwrap(), prefix_len),
            gateway: gateway.map(|gateway| gateway.parse().unwrap()),
            on_link: gateway.is_none(),
            ifindex: Some(2),
            ifname: None,
            metric: Some(metric),
            flags: Vec::new(),
            protocol: None,
            scope: None,
            table: Some(table),
            lifetime_ms: None,
        }
    }

    #[test]
    fn asks_the_router_of_the_default_route_alone() {
        let main = MAIN_TABLE;
        let lan = route("192.168.1.0", 24, None, 0, main);
        let vpn = route("10.0.0.0", 8, Some("192.168.1.9"), 0, main);
        let home = route("0.0.0.0", 0, Some("192.168.1.1"), 100, main);
        let second = route("0.0.0.0", 0, Some("192.168.2.1"), 600, main);
        let of_a_rule = route("0.0.0.0", 0, Some("192.168.3.1"), 0, 51820);
        let tunnel = route("0.0.0.0", 0, None, 0, main);
        let public = route("0.0.0.0", 0, Some("11.0.0.1"), 0, main);
        let v6 = route("::", 0, Some("fe80::1"), 0, main);
        let routes = [lan.clone(), vpn.clone(), second, home, of_a_rule, v6];
        assert_eq!(default_gateway(&routes), Some([192, 168, 1, 1].into()));
        assert_eq!(default_gateway(&[lan.clone(), vpn, tunnel]), None);
        assert_eq!(default_gateway(&[lan, public]), None);
        assert_eq!(default_gateway(&[]), None);
    }
}
