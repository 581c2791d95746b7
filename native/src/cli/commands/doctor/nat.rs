//! The kind of NAT between this host and the relay, in the terms of RFC 4787, section 4.1.

use std::net::{IpAddr, SocketAddr};

/// How addresses are translated between this host and the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Nat {
    /// The relay sees this host's own address.
    None,
    /// The NAT gives a local port one outside port for every destination (endpoint-independent mapping). Two
    /// ports of one address were compared, so a mapping that depends on the address alone looks the same.
    EndpointIndependent,
    /// The NAT gives a local port another outside port for each destination (address-dependent mapping, or
    /// address and port-dependent: a symmetric NAT).
    EndpointDependent,
    /// There is a NAT, and this is why its kind is unknown.
    Unknown(String),
}

/// A connection's local address, and how its other end sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observed {
    pub(super) local: SocketAddr,
    pub(super) ip: IpAddr,
    pub(super) port: Option<u16>,
}

impl Nat {
    /// Compares how the relay and its bridge see two connections from the same local port, each of which may be
    /// missing for a reason. Returns `None` if both are missing.
    pub(super) fn of(
        by_relay: Result<Observed, String>,
        by_bridge: Result<Observed, String>,
    ) -> Option<Self> {
        let one = by_relay.as_ref().or(by_bridge.as_ref()).ok()?;
        if one.ip == one.local.ip().to_canonical() {
            return Some(Self::None);
        }
        let (relay, bridge) = match (by_relay, by_bridge) {
            (Ok(relay), Ok(bridge)) => (relay, bridge),
            (Err(why), _) => {
                return Some(Self::Unknown(format!(
                    "the relay's TCP port is not there to compare: {why}"
                )));
            }
            (_, Err(why)) => {
                return Some(Self::Unknown(format!(
                    "the bridge's HTTP port is not there to compare: {why}"
                )));
            }
        };
        Some(match (relay.port, bridge.port) {
            (Some(_), Some(_)) if relay.local.port() != bridge.local.port() => {
                Self::Unknown("both connections need the same local port".into())
            }
            (Some(one), Some(other)) if (relay.ip, one) == (bridge.ip, other) => {
                Self::EndpointIndependent
            }
            (Some(_), Some(_)) => Self::EndpointDependent,
            (None, _) => Self::Unknown("the relay does not tell ports; it is older".into()),
            (_, None) => Self::Unknown("a proxy before the bridge hides ports".into()),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn observed(local: &str, ip: &str, port: Option<u16>) -> Result<Observed, String> {
        Ok(Observed { local: local.parse().unwrap(), ip: ip.parse().unwrap(), port })
    }

    #[test]
    fn kind_follows_from_the_ports_of_two_connections() {
        let inside = |port| observed("192.168.0.2:5000", "11.0.0.2", port);
        let missing = || Err("no answer".to_owned());
        let unknown = |nat| matches!(nat, Some(Nat::Unknown(_)));
        assert_eq!(Nat::of(inside(Some(5000)), inside(Some(5000))), Some(Nat::EndpointIndependent));
        assert_eq!(Nat::of(inside(Some(7000)), inside(Some(7000))), Some(Nat::EndpointIndependent));
        assert_eq!(Nat::of(inside(Some(7000)), inside(Some(7001))), Some(Nat::EndpointDependent));
        let elsewhere = observed("192.168.0.2:5000", "11.0.0.3", Some(5000));
        assert_eq!(Nat::of(inside(Some(5000)), elsewhere), Some(Nat::EndpointDependent));
        assert!(unknown(Nat::of(inside(None), inside(Some(5000)))));
        assert!(unknown(Nat::of(inside(Some(5000)), inside(None))));
        assert!(unknown(Nat::of(inside(Some(5000)), missing())));
        assert!(unknown(Nat::of(missing(), inside(Some(5000)))));
        let other_port = observed("192.168.0.2:5001", "11.0.0.2", Some(5000));
        assert!(unknown(Nat::of(inside(Some(5000)), other_port)));
        assert_eq!(Nat::of(missing(), missing()), None);
    }

    #[test]
    fn own_address_at_the_relay_means_no_nat() {
        let own = |port| observed("11.0.0.9:5000", "11.0.0.9", port);
        assert_eq!(Nat::of(own(Some(5000)), Err(String::new())), Some(Nat::None));
        assert_eq!(Nat::of(Err(String::new()), own(None)), Some(Nat::None));
        let mapped = observed("[::ffff:11.0.0.9]:5000", "11.0.0.9", None);
        assert_eq!(Nat::of(mapped, Err(String::new())), Some(Nat::None));
    }
}
