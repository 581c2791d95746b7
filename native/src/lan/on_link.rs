//! Decides which announced addresses this host may connect to.

use std::net::IpAddr;

use if_addrs::{IfAddr, Interface};
use ipnet::IpNet;
use mdns_sd::ScopedIp;
use xcher_core::addr::{Scope, scope};

/// The networks that this host is connected to.
pub(super) struct OnLink {
    interfaces: Vec<Interface>,
}

impl OnLink {
    /// Reads them from the system.
    pub(super) fn read() -> std::io::Result<Self> {
        Ok(Self { interfaces: if_addrs::get_if_addrs()? })
    }

    /// Returns true for an address in one of these networks. Any machine there can announce any address, and
    /// must not send this host elsewhere. A loopback address counts only if it was heard over loopback.
    /// Link-local addresses never count: callees do not dial them (PROTOCOL.md, section 6).
    pub(super) fn includes(&self, address: &ScopedIp) -> bool {
        let ip = address.to_ip_addr();
        match scope(ip) {
            Scope::Loopback => self.is_from_loopback(address),
            Scope::Private | Scope::Global => {
                self.interfaces.iter().any(|interface| is_in(ip, &interface.addr))
            }
            Scope::LinkLocal | Scope::Unroutable => false,
        }
    }

    fn is_from_loopback(&self, address: &ScopedIp) -> bool {
        let heard_on: Vec<u32> = match address {
            ScopedIp::V4(ip) => ip.interface_ids().iter().map(|id| id.index).collect(),
            ScopedIp::V6(ip) => vec![ip.scope_id().index],
            _ => return false,
        };
        let is_loopback = |index: u32| {
            let mut own = self.interfaces.iter().filter(|interface| interface.is_loopback());
            own.any(|interface| interface.index == Some(index))
        };
        !heard_on.is_empty() && heard_on.into_iter().all(is_loopback)
    }
}

/// Shorter prefixes are those of tunnels that claim every address.
const MIN_PREFIX_V4: u8 = 8;
const MIN_PREFIX_V6: u8 = 32;

fn is_in(ip: IpAddr, network: &IfAddr) -> bool {
    let (prefix, min) = match network {
        IfAddr::V4(own) => (own.prefixlen, MIN_PREFIX_V4),
        IfAddr::V6(own) => (own.prefixlen, MIN_PREFIX_V6),
    };
    prefix >= min && IpNet::new(network.ip(), prefix).is_ok_and(|network| network.contains(&ip))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::Ipv4Addr;

    use if_addrs::{IfOperStatus, Ifv4Addr, Ifv6Addr};
    use mdns_sd::{InterfaceId, ScopedIpV4};

    use super::*;

    fn interface(name: &str, index: u32, addr: IfAddr) -> Interface {
        let oper_status = IfOperStatus::Up;
        Interface {
            name: name.to_owned(),
            addr,
            index: Some(index),
            oper_status,
            is_p2p: false,
            #[cfg(windows)]
            adapter_name: String::new(),
        }
    }

    fn v4(ip: [u8; 4], prefixlen: u8) -> IfAddr {
        let netmask =
            Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - u32::from(prefixlen)).unwrap_or(0));
        IfAddr::V4(Ifv4Addr { ip: ip.into(), netmask, prefixlen, broadcast: None })
    }

    fn networks() -> OnLink {
        let v6 = Ifv6Addr {
            ip: "fd00:1::2".parse().unwrap(),
            netmask: "ffff:ffff:ffff:ffff::".parse().unwrap(),
            prefixlen: 64,
            broadcast: None,
        };
        OnLink {
            interfaces: vec![
                interface("lo", 1, v4([127, 0, 0, 1], 8)),
                interface("eth0", 2, v4([192, 168, 1, 2], 24)),
                interface("eth0", 2, IfAddr::V6(v6)),
                interface("tun0", 3, v4([10, 8, 0, 2], 0)),
            ],
        }
    }

    fn heard(ip: [u8; 4], index: u32) -> ScopedIp {
        let id = InterfaceId { name: String::new(), index };
        ScopedIp::V4(ScopedIpV4::new(ip.into(), id))
    }

    #[test]
    fn includes_addresses_of_its_own_networks_only() {
        let own = networks();
        for (ip, included) in [
            ([192, 168, 1, 77], true),
            ([192, 168, 2, 77], false),
            ([8, 8, 8, 8], false),
            ([10, 8, 0, 9], false),
            ([169, 254, 169, 254], false),
            ([224, 0, 0, 251], false),
        ] {
            assert_eq!(own.includes(&heard(ip, 2)), included, "{ip:?}");
        }
        for (ip, included) in [("fd00:1::9", true), ("fd00:2::9", false), ("fe80::1", false)] {
            let ip: IpAddr = ip.parse().unwrap();
            assert_eq!(own.includes(&ip.into()), included, "{ip}");
        }
    }

    #[test]
    fn includes_loopback_addresses_heard_over_loopback_only() {
        let own = networks();
        assert!(own.includes(&heard([127, 0, 0, 1], 1)));
        assert!(!own.includes(&heard([127, 0, 0, 1], 2)));
        assert!(!own.includes(&IpAddr::from([127, 0, 0, 1]).into()));
    }
}
