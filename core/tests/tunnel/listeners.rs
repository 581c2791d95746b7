//! Listeners: who can have one, for how long, and which visitors it accepts.

use super::*;

const AT: &str = "203.0.113.1:40000";
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn listener_needs_a_nick_or_a_connection() {
    let mut bridge = Bridge::with_relay();
    let alice = bridge.0.open(ip("9.9.9.9"), false);
    assert_eq!(bridge.0.allocate(alice, at(AT), NOW), Err(AllocationError::NoNick));
    bridge.0.set_nick(alice, true);
    bridge.listen(alice, AT, "8.8.8.8");
    let _session = bridge.visit(AT, "8.8.8.8", NOW).unwrap();
    bridge.0.set_nick(alice, false);
    bridge.0.allocate(alice, at("203.0.113.1:40001"), NOW).unwrap();
}

#[test]
fn listener_is_withdrawn_unless_an_init_names_it() {
    let mut bridge = Bridge::with_relay();
    let alice = bridge.open("9.9.9.9");
    bridge.0.allocate(alice, at(AT), NOW).unwrap();
    let refused = bridge.visit(AT, "8.8.8.8", NOW);
    assert_eq!(refused, Err(AllocationError::NotExpected(at(AT))), "no call was made");
    assert!(bridge.0.next_check(at(AT), NOW + 10 * SECOND).is_some());
    let next = bridge.0.next_check(at(AT), NOW).unwrap();
    assert_eq!(bridge.0.next_check(at(AT), next), None);
    // Naming the listener too late has no effect.
    bridge.0.record_naming(alice, at(AT), None, next);
    assert_eq!(bridge.0.next_check(at(AT), next), None);
}

#[test]
fn listener_accepts_visitors_during_its_call_and_then_from_its_session_only() {
    let mut bridge = Bridge::with_relay();
    let alice = bridge.open("9.9.9.9");
    bridge.listen(alice, AT, "8.8.8.8");
    let session = bridge.visit(AT, "8.8.8.8", NOW).unwrap();
    let outsider = bridge.visit(AT, "1.1.1.1", NOW).unwrap();
    bridge.0.closed(outsider);
    // A second X_INIT does not extend its life.
    let late = NOW + 61 * SECOND;
    bridge.0.record_naming(alice, at(AT), None, late - SECOND);
    let data = bridge.visit(AT, "8.8.8.8", late).unwrap();
    assert_eq!(bridge.visit(AT, "1.1.1.1", late), Err(AllocationError::NotExpected(at(AT))));
    assert!(bridge.0.next_check(at(AT), late).is_some());
    bridge.0.closed(session);
    bridge.0.closed(data);
    assert_eq!(bridge.0.next_check(at(AT), late), None, "the session is over");
    assert!(bridge.visit(AT, "8.8.8.8", late).is_err());
}

#[test]
fn data_listener_accepts_visitors_from_the_peer_only() {
    let mut bridge = Bridge::with_relay();
    let alice = bridge.open("9.9.9.9");
    bridge.0.record_call(alice, at("8.8.8.8:4000"), NOW);
    let (_, session) = bridge.dial(alice, "8.8.8.8:4000").unwrap();
    bridge.0.allocate(alice, at(AT), NOW).unwrap();
    let data = bridge.visit(AT, "8.8.8.8", NOW).unwrap();
    assert!(bridge.visit(AT, "8.8.4.4", NOW).is_err());
    bridge.0.closed(session);
    assert!(bridge.visit(AT, "8.8.8.8", NOW).is_ok(), "a data connection is live");
    bridge.0.closed(data);
}

#[test]
fn tunnel_cannot_name_another_tunnels_listener() {
    let mut bridge = Bridge::with_relay();
    let (alice, mallory) = (bridge.open("9.9.9.9"), bridge.open("8.8.8.8"));
    bridge.0.allocate(alice, at(AT), NOW).unwrap();
    bridge.0.record_naming(mallory, at(AT), None, NOW);
    assert!(bridge.visit(AT, "8.8.8.8", NOW).is_err());
}

#[test]
fn lured_visitor_gives_no_access_to_the_private_network() {
    let mut bridge = Bridge::with_relay();
    let alice = bridge.open("10.0.0.9");
    bridge.listen(alice, AT, "10.0.0.7");
    // A page makes a browser on another machine connect.
    let _lured = bridge.visit(AT, "10.0.0.1", NOW).unwrap();
    assert!(bridge.dial(alice, "10.0.0.1:8080").is_err());
    // The callee is the peer of the session.
    let _session = bridge.visit(AT, "10.0.0.7", NOW).unwrap();
    assert!(bridge.dial(alice, "10.0.0.7:8080").is_ok());
}

#[test]
fn in_process_connection_gives_access_to_the_peers_listeners_only() {
    for mut bridge in [Bridge::with_relay(), Bridge::relay_elsewhere()] {
        let (alice, bob) = (bridge.open("127.0.0.1"), bridge.open("127.0.0.1"));
        let carol = bridge.open("127.0.0.1");
        bridge.listen(alice, AT, "127.0.0.1");
        bridge.listen(carol, "203.0.113.1:40009", "127.0.0.1");
        bridge.0.record_call(bob, at(AT), NOW);
        let (route, _control) = bridge.dial(bob, AT).unwrap();
        assert_eq!(route, Route::InProcess);
        let _visit = bridge.0.accept_tunnel(at(AT), bob, NOW).unwrap();
        for (id, to) in [(alice, "203.0.113.1:8080"), (bob, "203.0.113.1:8080")] {
            assert_eq!(bridge.dial(id, to), Err(AllocationError::NoCall(at(to))));
            let to = "127.0.0.1:8080";
            assert_eq!(bridge.dial(id, to), Err(AllocationError::NoCall(at(to))));
        }
        assert!(bridge.dial(bob, "203.0.113.1:40009").is_err(), "another tunnel's listener");
        bridge.0.allocate(bob, at("203.0.113.1:40001"), NOW).unwrap();
        let (route, _data) = bridge.dial(alice, "203.0.113.1:40001").unwrap();
        assert_eq!(route, Route::InProcess);
        bridge.0.withdraw(at("203.0.113.1:40001"));
        assert!(bridge.dial(alice, "203.0.113.1:40001").is_err(), "the listener was withdrawn");
    }
}

#[test]
fn listeners_are_limited_by_tunnel_and_by_address() {
    let limits = AllocationLimits { listeners: 2, listeners_per_address: 3 };
    let mut bridge = Bridge(Allocations::new(limits, true));
    let (first, second) = (bridge.open("2a00:1:2:3::1"), bridge.open("2a00:1:2:3::2"));
    let other = bridge.open("2a00:1:2:4::1");
    let mut port = 40000;
    let mut listen = |bridge: &mut Bridge, id| {
        port += 1;
        bridge.0.allocate(id, SocketAddr::new(ip(OWN), port), NOW)
    };
    listen(&mut bridge, first).unwrap();
    listen(&mut bridge, first).unwrap();
    assert_eq!(listen(&mut bridge, first), Err(AllocationError::TooManyListeners));
    listen(&mut bridge, second).unwrap();
    assert_eq!(listen(&mut bridge, second), Err(AllocationError::TooManyListeners), "the same /64");
    listen(&mut bridge, other).unwrap();
    bridge.0.close(first);
    listen(&mut bridge, second).unwrap();
}
