//! A set of networks, in which an address is found without looking at each.

use alloc::collections::{BTreeMap, BTreeSet};
use core::net::IpAddr;

use ipnet::IpNet;

/// Networks. One of IPv4-mapped IPv6 addresses is one of IPv4 addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Networks {
    /// Those of each family (true for IPv4) and prefix length, with the bits below it cleared.
    by_len: BTreeMap<(bool, u8), BTreeSet<IpAddr>>,
}

impl Networks {
    pub(super) fn is_empty(&self) -> bool {
        self.by_len.is_empty()
    }

    pub(super) fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        let of_family = self.by_len.range((ip.is_ipv4(), 0)..=(ip.is_ipv4(), u8::MAX));
        // A look-up for each length in use: the networks may be many.
        of_family.into_iter().any(|((_, len), networks)| {
            let network = IpNet::new(ip, *len).map(|network| network.trunc());
            network.is_ok_and(|network| networks.contains(&network.addr()))
        })
    }
}

impl FromIterator<IpNet> for Networks {
    fn from_iter<I: IntoIterator<Item = IpNet>>(all: I) -> Self {
        let mut by_len = BTreeMap::<_, BTreeSet<_>>::new();
        for network in all.into_iter().map(canonical) {
            let key = (network.addr().is_ipv4(), network.prefix_len());
            by_len.entry(key).or_default().insert(network.addr());
        }
        Self { by_len }
    }
}

/// Clears the bits of an address below its network's prefix; an IPv4-mapped network becomes an IPv4 network.
pub(super) fn canonical(network: IpNet) -> IpNet {
    let (ip, len) = (network.addr().to_canonical(), network.prefix_len());
    let mapped = network.addr().is_ipv6() && ip.is_ipv4();
    let len = if mapped { len.checked_sub(96) } else { Some(len) };
    len.and_then(|len| IpNet::new(ip, len).ok()).unwrap_or(network).trunc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_each_form_and_its_neighbours_are_not() {
        let all = ["192.0.2.9/24", "2001:db8:1::/48", "8.8.8.8/32", "::ffff:10.0.0.0/104"];
        let networks: Networks =
            all.iter().map(|text| text.parse::<IpNet>().expect(text)).collect();
        let contains = |text: &str| networks.contains(text.parse().expect(text));
        for inside in [
            "192.0.2.0",
            "::ffff:192.0.2.255",
            "2001:db8:1:2::3",
            "8.8.8.8",
            "10.9.9.9",
            "::ffff:a09:909",
        ] {
            assert!(contains(inside), "{inside}");
        }
        for outside in ["192.0.3.0", "2001:db8:2::", "8.8.8.9", "11.0.0.0", "::1", "::8.8.8.8"] {
            assert!(!contains(outside), "{outside}");
        }
        let v4: Networks = ["0.0.0.0/0".parse().expect("a network")].into_iter().collect();
        assert!(v4.contains([1, 2, 3, 4].into()) && !v4.contains([0u16; 8].into()));
        assert!(!Networks::default().contains([1, 2, 3, 4].into()));
    }
}
