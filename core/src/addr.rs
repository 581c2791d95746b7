//! Which addresses may be named, and which may be dialled (section 6).
//!
//! An X_INIT makes a stranger's machine dial an address of the sender's choice. Unwatched, that is
//! the FTP bounce attack (RFC 2577, section 3) again.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far an address reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The public internet.
    Global,
    /// A private network: RFC 1918, RFC 6598 (shared), RFC 2544 (benchmarks), RFC 4193 (ULA).
    Private,
    /// One link: RFC 3927, RFC 4291 section 2.5.6. Cloud metadata services live here.
    LinkLocal,
    /// This host.
    Loopback,
    /// Nothing that a host could have: unspecified, multicast, broadcast, reserved, documentation,
    /// and IPv6 addresses that stand for an IPv4 one.
    Unroutable,
}

/// The scope of `ip`, from the IANA special-purpose address registries.
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
        // Only 2000::/3 is given out; mapped, compatible, NAT64 and multicast lie outside.
        [0x2000..=0x3fff, ..] => Scope::Global,
        _ => Scope::Unroutable,
    }
}

/// Why an address was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddrError {
    /// A port below 1024, where services of the system listen.
    LowPort(u16),
    /// No host can have this address.
    Unroutable(IpAddr),
    /// The address reaches less far than the link over which it came.
    PrivateAddress(IpAddr),
    /// The sender named an address that is not its own.
    NotOwnAddress {
        /// The address it named.
        named: IpAddr,
        /// The address it has.
        observed: IpAddr,
    },
    /// More dials in a minute than the budget allows.
    TooManyDials,
    /// The address was dialled before and did not speak XCHER.
    BackOff(IpAddr),
}

impl fmt::Display for AddrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LowPort(port) => write!(f, "expected a port from 1024 up, got {port}"),
            Self::Unroutable(ip) => write!(f, "expected an address of a host, got {ip}"),
            Self::PrivateAddress(ip) => write!(
                f,
                "expected an address that reaches as far as the link it came over, got {ip} \
                 (--allow-private lets it pass)"
            ),
            Self::NotOwnAddress { named, observed } => {
                write!(f, "expected your own address {observed}, got {named}")
            }
            Self::TooManyDials => write!(f, "expected fewer calls a minute, got one too many"),
            Self::BackOff(ip) => {
                write!(f, "expected a caller that speaks XCHER, and {ip} did not the last time")
            }
        }
    }
}

impl core::error::Error for AddrError {}

/// Whether B may dial what an X_INIT names. `relay` is the address at the other end of the link
/// that the X_INIT came over.
///
/// # Errors
///
/// [`AddrError`]. A link-local address passes only over a link-local link, because that range holds
/// cloud metadata services; a private one also where the relay is on this host.
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

/// Whether a port that a stranger named may be dialled: no service of the system is to be reached
/// by a file that pours into it.
///
/// # Errors
///
/// [`AddrError::LowPort`].
pub fn check_dial_port(port: u16) -> Result<(), AddrError> {
    if port < 1024 { Err(AddrError::LowPort(port)) } else { Ok(()) }
}

/// Whether the relay passes on an X_INIT that names `ip`. `observed` is the sender's address as the
/// relay sees it.
///
/// # Errors
///
/// [`AddrError::Unroutable`], or [`AddrError::NotOwnAddress`] unless the sender is on a private network with
/// the relay and names a private address of the same family (it may have several).
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

/// The network that `ip` is counted under where each client may have only so much: an IPv4 address, or
/// the /64 that an IPv6 host or household has.
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
    fn every_range_has_its_scope() {
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
    fn b_dials_no_nearer_than_its_relay() {
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
    fn the_relay_lets_a_host_name_itself_only() {
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
    fn an_ipv6_host_counts_as_its_64() {
        let counted = |text| client_prefix(ip(text));
        assert_eq!(counted("2a00:1:2:3:4:5:6:7"), counted("2a00:1:2:3::1"));
        assert_ne!(counted("2a00:1:2:3::1"), counted("2a00:1:2:4::1"));
        assert_ne!(counted("10.0.0.1"), counted("10.0.0.2"));
        assert_eq!(counted("::ffff:10.0.0.1"), ip("10.0.0.1"));
    }
}
