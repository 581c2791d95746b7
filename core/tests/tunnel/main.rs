//! The bridge's rules for its tunnels (sections 10.2 and 10.3), without a socket or a clock.

#![allow(clippy::unwrap_used)]

mod colluding;
mod listeners;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use xcher_core::addr::AddrError;
use xcher_core::tunnel::{AllocationError, AllocationLimits, Allocations, Lease, Route, TunnelId};

/// The bridge's own address.
const OWN: &str = "203.0.113.1";
const NOW: Duration = Duration::from_secs(1000);

fn at(text: &str) -> SocketAddr {
    text.parse().expect(text)
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect(text)
}

fn is_own(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.to_string() == OWN
}

/// A bridge with its relay in the same process, or with a relay elsewhere.
struct Bridge(Allocations);

impl Bridge {
    fn with_relay() -> Self {
        Self(Allocations::new(AllocationLimits::default(), true))
    }

    fn relay_elsewhere() -> Self {
        Self(Allocations::new(AllocationLimits::default(), false))
    }

    fn open(&mut self, client: &str) -> TunnelId {
        let id = self.0.open(ip(client), is_own(ip(client)));
        self.0.set_nick(id, true);
        id
    }

    fn dial(&mut self, id: TunnelId, to: &str) -> Result<(Route, Lease), AllocationError> {
        self.0.dial(id, at(to), is_own(at(to).ip()), NOW)
    }

    /// Allocates a listener that a call to `callee` names.
    fn listen(&mut self, id: TunnelId, to: &str, callee: &str) {
        self.0.allocate(id, at(to), NOW).unwrap();
        self.0.record_naming(id, at(to), Some(ip(callee)), NOW);
    }

    fn visit(&mut self, to: &str, from: &str, now: Duration) -> Result<Lease, AllocationError> {
        self.0.accept_socket(at(to), ip(from), is_own(ip(from)), now)
    }
}

#[test]
fn dial_without_a_call_is_refused() {
    let mut bridge = Bridge::with_relay();
    let bob = bridge.open("9.9.9.9");
    bridge.0.record_call(bob, at("8.8.8.8:40000"), NOW);
    for to in ["8.8.8.8:40001", "8.8.4.4:40000"] {
        assert_eq!(bridge.dial(bob, to), Err(AllocationError::NoCall(at(to))));
    }
    assert!(bridge.dial(bob, "8.8.8.8:40000").is_ok());
}

#[test]
fn call_is_dialled_once_and_in_time() {
    let mut bridge = Bridge::with_relay();
    let bob = bridge.open("9.9.9.9");
    let to = "8.8.8.8:40000";
    bridge.0.record_call(bob, at(to), NOW);
    let (_, lease) = bridge.dial(bob, to).expect("called");
    bridge.0.closed(lease);
    assert_eq!(bridge.dial(bob, to), Err(AllocationError::NoCall(at(to))));
    bridge.0.record_call(bob, at(to), NOW);
    let late = bridge.0.dial(bob, at(to), false, NOW + Duration::from_secs(61));
    assert_eq!(late, Err(AllocationError::NoCall(at(to))));
}

#[test]
fn data_is_dialled_only_to_the_peer_of_an_open_session() {
    let mut bridge = Bridge::with_relay();
    let bob = bridge.open("9.9.9.9");
    bridge.0.record_call(bob, at("8.8.8.8:40000"), NOW);
    let (_, control) = bridge.dial(bob, "8.8.8.8:40000").expect("called");
    let (_, data) = bridge.dial(bob, "8.8.8.8:50000").expect("a session with that host");
    let port = Err(AllocationError::Address(AddrError::LowPort(80)));
    assert_eq!(bridge.dial(bob, "8.8.8.8:80"), port);
    bridge.0.closed(data);
    let (_, data) = bridge.dial(bob, "8.8.8.8:50001").expect("the session is open");
    bridge.0.closed(data);
    bridge.0.closed(control);
    let to = "8.8.8.8:50002";
    assert_eq!(bridge.dial(bob, to), Err(AllocationError::NoCall(at(to))));
}

#[test]
fn private_addresses_are_for_clients_on_private_networks() {
    let near = ["10.0.0.1:4000", "169.254.169.254:4000", "192.168.1.1:4000"];
    let mut bridge = Bridge::with_relay();
    let (far, close) = (bridge.open("9.9.9.9"), bridge.open("10.0.0.9"));
    for to in near {
        for id in [far, close] {
            bridge.0.record_call(id, at(to), NOW);
        }
        let refused = AllocationError::Address(AddrError::PrivateAddress(at(to).ip()));
        assert_eq!(bridge.dial(far, to), Err(refused), "{to}");
        let link_local = to.starts_with("169");
        assert_eq!(bridge.dial(close, to).is_err(), link_local, "{to}");
    }
}

#[test]
fn own_address_is_for_clients_on_the_bridges_host() {
    for (client, expected) in [("9.9.9.9", false), ("10.0.0.9", false), ("127.0.0.1", true)] {
        let mut bridge = Bridge::with_relay();
        let bob = bridge.open(client);
        for to in ["127.0.0.1:4000", "203.0.113.1:4000"] {
            bridge.0.record_call(bob, at(to), NOW);
        }
        let dialled = bridge.dial(bob, "127.0.0.1:4000").map(|(route, _)| route);
        assert_eq!(dialled == Ok(Route::Connect), expected, "{client}: {dialled:?}");
        assert!(bridge.dial(bob, "203.0.113.1:4000").is_err(), "an address that no host can have");
    }
}

#[test]
fn bridge_with_a_relay_elsewhere_dials_public_foreign_addresses_only() {
    let mut bridge = Bridge::relay_elsewhere();
    for client in ["9.9.9.9", "127.0.0.1", "10.0.0.9"] {
        let bob = bridge.open(client);
        for to in ["127.0.0.1:4000", "203.0.113.1:4000", "10.0.0.1:4000", "169.254.1.1:4000"] {
            bridge.0.record_call(bob, at(to), NOW);
            assert!(bridge.dial(bob, to).is_err(), "{client} {to}");
        }
        bridge.0.record_call(bob, at("8.8.8.8:4000"), NOW);
        assert!(bridge.dial(bob, "8.8.8.8:4000").is_ok());
    }
}

#[test]
fn remembered_calls_are_limited() {
    let mut bridge = Bridge::with_relay();
    let bob = bridge.open("9.9.9.9");
    for port in 2000..4000 {
        bridge.0.record_call(bob, SocketAddr::new(ip("8.8.8.8"), port), NOW);
    }
    assert!(bridge.dial(bob, "8.8.8.8:2000").is_err());
    assert!(bridge.dial(bob, "8.8.8.8:3999").is_ok());
}
