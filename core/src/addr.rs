//! Checks the addresses that an X_INIT names and that a host dials (section 6).
//!
//! An X_INIT makes another host dial an address of the sender's choice. Unchecked, this repeats the FTP
//! bounce attack (RFC 2577, section 3).
//!
//! ```
//! use xcher_core::addr::{AddrError, check_dial};
//!
//! let [metadata, public_relay] = ["169.254.169.254", "9.9.9.9"].map(|ip| ip.parse().unwrap());
//! let refused = check_dial(metadata, 4000, public_relay, false);
//! assert_eq!(refused, Err(AddrError::PrivateAddress(metadata)));
//! ```

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The scope of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The public internet.
    Global,
    /// A private network: RFC 1918, RFC 6598 (shared), RFC 2544 (benchmarking), RFC 4193 (ULA).
    Private,
    /// One link: RFC 3927, RFC 4291 section 2.5.6. Contains cloud metadata services.
    LinkLocal,
    /// This host.
    Loopback,
    /// No host's address: unspecified, multicast, broadcast, reserved, documentation, and IPv6 addresses
    /// that embed an IPv4 address.
    Unroutable,
}

/// Returns the scope of `ip` according to the IANA special-purpose address registries.
pub fn scope(ip: IpAddr) -> Scope {
    match ip {
        IpAddr::V4(ip) => scope_v4(ip),
        IpAddr::V6(ip) => scope_v6(ip),
    }
}

fn scope_v4(ip: Ipv4Addr) -> Scope {
    match ip.octets() {
        [127, ..] => Scope::Loopback,
        [10, ..] | [192, 168, ..] => Scope::Private,
        [172, 16..=31, ..] | [100, 64..=127, ..] | [198, 18..=19, ..] => Scope::Private,
        [169, 254, ..] => Scope::LinkLocal,
        [0, ..] | [192, 0, 0, _] | [192, 88, 99, _] | [224..=255, ..] => Scope::Unroutable,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Scope::Unroutable,
        _ => Scope::Global,
    }
}

fn scope_v6(ip: Ipv6Addr) -> Scope {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Scope::Loopback,
        [0xfe80..=0xfebf, ..] => Scope::LinkLocal,
        [0xfc00..=0xfdff, ..] => Scope::Private,
        // Teredo, benchmarks and ORCHID below 2001::/23, documentation, 6to4.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x2002, ..] => Scope::Unroutable,
        [0x3fff, 0..=0xfff, ..] => Scope::Unroutable,
        // IANA allocates only 2000::/3; mapped, compatible, NAT64 and multicast lie outside.
        [0x2000..=0x3fff, ..] => Scope::Global,
        _ => Scope::Unroutable,
    }
}

/// The refusal of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddrError {
    /// The port is below 1024, where system services listen.
    LowPort(u16),
    /// No host can have this address.
    Unroutable(IpAddr),
    /// The address has a narrower scope than the connection over which it was received.
    PrivateAddress(IpAddr),
    /// The sender of an X_INIT named an address that is not its own.
    NotOwnAddress {
        /// The named address.
        named: IpAddr,
        /// The sender's address as the relay sees it.
        observed: IpAddr,
    },
    /// The calls exceed the dials allowed per minute.
    TooManyDials,
    /// A host at this address was dialled before and did not speak XCHER.
    BackOff(IpAddr),
}

impl fmt::Display for AddrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LowPort(port) => write!(f, "port {port} is below 1024"),
            Self::Unroutable(ip) => write!(f, "{ip} is not a routable host address"),
            Self::PrivateAddress(ip) => {
                write!(f, "private address {ip} is not allowed over this relay")
            }
            Self::NotOwnAddress { named, observed } => {
                write!(f, "{named} is not your address; the relay sees you at {observed}")
            }
            Self::TooManyDials => write!(f, "too many calls in the last minute"),
            Self::BackOff(ip) => write!(f, "{ip} did not speak XCHER when it was last dialled"),
        }
    }
}

impl core::error::Error for AddrError {}

/// Checks that a callee may dial the address that an X_INIT names. `relay` is the remote address of the
/// connection that carried the X_INIT.
///
/// # Errors
///
/// [`AddrError`]. A link-local address passes only over a link-local connection, because that range
/// contains cloud metadata services; a private address passes also if the relay is on this host.
pub fn check_dial(
    ip: IpAddr,
    port: u16,
    relay: IpAddr,
    allow_private: bool,
) -> Result<(), AddrError> {
    check_dial_port(port)?;
    let (near, link) = (scope(ip), scope(relay.to_canonical()));
    match near {
        Scope::Unroutable => Err(AddrError::Unroutable(ip)),
        Scope::Global => Ok(()),
        _ if allow_private || near == link => Ok(()),
        Scope::Private if link == Scope::Loopback => Ok(()),
        _ => Err(AddrError::PrivateAddress(ip)),
    }
}

/// Checks that a port named by another host may be dialled, so that no file is written to a system
/// service.
///
/// # Errors
///
/// [`AddrError::LowPort`].
pub fn check_dial_port(port: u16) -> Result<(), AddrError> {
    if port < 1024 { Err(AddrError::LowPort(port)) } else { Ok(()) }
}

/// Checks that the relay may forward an X_INIT that names `ip`. `observed` is the sender's address as the
/// relay sees it.
///
/// # Errors
///
/// [`AddrError::Unroutable`]; [`AddrError::NotOwnAddress`], unless the sender shares a private network with
/// the relay and names a private address of the same family, since it may have several.
pub fn check_named(ip: IpAddr, observed: IpAddr) -> Result<(), AddrError> {
    let observed = observed.to_canonical();
    if scope(ip) == Scope::Unroutable {
        return Err(AddrError::Unroutable(ip));
    }
    let shared = matches!(scope(observed), Scope::Private | Scope::Loopback);
    let neighbour = shared && scope(ip) == Scope::Private && ip.is_ipv4() == observed.is_ipv4();
    if ip == observed || neighbour {
        Ok(())
    } else {
        Err(AddrError::NotOwnAddress { named: ip, observed })
    }
}

/// Returns true if the address at which a relay sees a host can be that of a NAT (section 5.7).
pub(crate) fn is_nat(observed: IpAddr) -> bool {
    observed.is_ipv4() && scope(observed) == Scope::Global
}

/// Returns true if a host behind NAT can have this address (section 5.7).
pub(crate) fn is_inner(ip: IpAddr) -> bool {
    ip.is_ipv4() && scope(ip) == Scope::Private
}

/// Checks that a host with the address `own` behind a NAT may dial another behind the same NAT.
///
/// # Errors
///
/// [`AddrError::LowPort`]; [`AddrError::PrivateAddress`] unless both addresses are of one private block, so
/// that no caller reaches this host's containers or VPN.
pub(crate) fn check_near(ip: IpAddr, port: u16, own: IpAddr) -> Result<(), AddrError> {
    check_dial_port(port)?;
    match (inner_block(ip), inner_block(own)) {
        (Some(block), Some(own)) if block == own => Ok(()),
        _ => Err(AddrError::PrivateAddress(ip)),
    }
}

/// Returns the first address of the private IPv4 block that contains `ip`.
fn inner_block(ip: IpAddr) -> Option<[u8; 2]> {
    let IpAddr::V4(v4) = ip else { return None };
    is_inner(ip).then(|| match v4.octets() {
        [172, ..] => [172, 16],
        [100, ..] => [100, 64],
        [198, ..] => [198, 18],
        [10, ..] => [10, 0],
        [first, second, ..] => [first, second],
    })
}

/// Returns the prefix that counts as one client in limits per address: an IPv4 address, or the /64 of an
/// IPv6 host or household.
pub fn client_prefix(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    #[test]
    fn scope_follows_the_iana_registries() {
        for (text, expected) in [
            ("8.8.8.8", Scope::Global),
            ("100.63.0.1", Scope::Global),
            ("172.32.0.1", Scope::Global),
            ("2a00:1450::1", Scope::Global),
            ("10.0.0.1", Scope::Private),
            ("172.31.255.255", Scope::Private),
            ("192.168.1.1", Scope::Private),
            ("100.64.0.1", Scope::Private),
            ("198.18.0.1", Scope::Private),
            ("fd00::1", Scope::Private),
            ("169.254.169.254", Scope::LinkLocal),
            ("fe80::1", Scope::LinkLocal),
            ("127.0.0.1", Scope::Loopback),
            ("127.9.9.9", Scope::Loopback),
            ("::1", Scope::Loopback),
            ("0.0.0.0", Scope::Unroutable),
            ("0.1.2.3", Scope::Unroutable),
            ("224.0.0.1", Scope::Unroutable),
            ("240.0.0.1", Scope::Unroutable),
            ("255.255.255.255", Scope::Unroutable),
            ("192.0.2.1", Scope::Unroutable),
            ("::", Scope::Unroutable),
            ("::127.0.0.1", Scope::Unroutable),
            ("::ffff:127.0.0.1", Scope::Unroutable),
            ("::ffff:8.8.8.8", Scope::Unroutable),
            ("64:ff9b::7f00:1", Scope::Unroutable),
            ("2002:7f00:1::", Scope::Unroutable),
            ("2001:0:1::", Scope::Unroutable),
            ("2001:db8::1", Scope::Unroutable),
            ("ff02::1", Scope::Unroutable),
        ] {
            assert_eq!(scope(ip(text)), expected, "{text}");
        }
    }

    #[test]
    fn callee_dials_no_narrower_scope_than_the_relays() {
        let dial = |to, relay| check_dial(ip(to), 40000, ip(relay), false).is_ok();
        assert!(dial("8.8.8.8", "9.9.9.9"));
        assert!(dial("127.0.0.1", "127.0.0.1"));
        assert!(dial("127.0.0.1", "::ffff:127.0.0.1"));
        assert!(dial("192.168.1.7", "192.168.1.1"));
        assert!(dial("192.168.1.7", "127.0.0.1"));
        for (to, relay) in [
            ("127.0.0.1", "9.9.9.9"),
            ("127.0.0.1", "192.168.1.1"),
            ("::1", "2a00::1"),
            ("10.0.0.1", "9.9.9.9"),
            ("169.254.169.254", "127.0.0.1"),
            ("169.254.169.254", "10.0.0.1"),
            ("fe80::1", "fd00::1"),
        ] {
            assert_eq!(
                check_dial(ip(to), 40000, ip(relay), false),
                Err(AddrError::PrivateAddress(ip(to)))
            );
            assert_eq!(check_dial(ip(to), 40000, ip(relay), true), Ok(()));
        }
        for to in ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "::ffff:127.0.0.1"] {
            assert_eq!(check_dial(ip(to), 40000, ip(to), true), Err(AddrError::Unroutable(ip(to))));
        }
        for port in [1, 22, 80, 1023] {
            let at = ip("8.8.8.8");
            assert_eq!(check_dial(at, port, at, true), Err(AddrError::LowPort(port)));
        }
    }

    #[test]
    fn relay_lets_a_host_name_only_its_own_addresses() {
        let names = |named, observed| check_named(ip(named), ip(observed)).is_ok();
        assert!(names("8.8.8.8", "8.8.8.8"));
        assert!(names("127.0.0.1", "::ffff:127.0.0.1"));
        assert!(names("192.168.1.7", "192.168.1.9"));
        assert!(names("192.168.1.7", "127.0.0.1"));
        assert!(!names("8.8.4.4", "8.8.8.8"));
        assert!(!names("192.168.1.7", "8.8.8.8"));
        assert!(!names("127.0.0.1", "192.168.1.9"));
        assert!(!names("fd00::1", "192.168.1.9"));
        assert!(!names("169.254.169.254", "127.0.0.1"));
        assert!(!names("::ffff:8.8.8.8", "::ffff:8.8.8.8"));
    }

    #[test]
    fn near_host_is_dialled_in_the_own_private_block_only() {
        let near = |to, port, own| check_near(ip(to), port, ip(own));
        for (to, own) in [
            ("192.168.1.2", "192.168.7.3"),
            ("10.0.0.1", "10.255.0.1"),
            ("172.31.0.1", "172.16.0.1"),
            ("100.127.0.1", "100.64.0.1"),
            ("192.168.1.2", "192.168.1.2"),
        ] {
            assert_eq!(near(to, 1024, own), Ok(()));
            assert_eq!(near(to, 1023, own), Err(AddrError::LowPort(1023)));
        }
        for (to, own) in [
            ("172.17.0.2", "192.168.1.3"),
            ("100.64.0.2", "10.0.0.3"),
            ("127.0.0.1", "127.0.0.1"),
            ("169.254.169.254", "169.254.0.1"),
            ("8.8.8.8", "192.168.1.3"),
            ("8.8.8.8", "8.8.8.8"),
            ("224.0.0.1", "192.168.1.3"),
            ("0.0.0.0", "10.0.0.3"),
            ("fd00::1", "fd00::2"),
            ("::ffff:192.168.1.2", "192.168.1.3"),
        ] {
            assert_eq!(near(to, 40000, own), Err(AddrError::PrivateAddress(ip(to))), "{to} {own}");
        }
        assert!(is_nat(ip("11.0.0.2")) && !is_nat(ip("2a00::1")) && !is_nat(ip("10.0.0.1")));
    }

    #[test]
    fn client_prefix_is_an_ipv4_address_or_an_ipv6_64() {
        let prefix = |text| client_prefix(ip(text));
        assert_eq!(prefix("2a00:1:2:3:4:5:6:7"), prefix("2a00:1:2:3::1"));
        assert_ne!(prefix("2a00:1:2:3::1"), prefix("2a00:1:2:4::1"));
        assert_ne!(prefix("10.0.0.1"), prefix("10.0.0.2"));
        assert_eq!(prefix("::ffff:10.0.0.1"), ip("10.0.0.1"));
    }
}
