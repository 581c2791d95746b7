//! Who may have a listener, for how long, and who may visit it.

use super::*;

const AT: &str = "203.0.113.1:40000";
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_listener_needs_a_nick_or_a_connection() {
    let mut bridge = Bridge::beside_relay();
    let alice = bridge.0.open(ip("9.9.9.9"), false);
    assert_eq!(bridge.0.allocate(alice, at(AT), NOW), Err(AllocationError::NoNick));
    bridge.0.set_nick(alice, true);
    bridge.listen(alice, AT, "8.8.8.8");
    let _session = bridge.visit(AT, "8.8.8.8", NOW).unwrap();
    bridge.0.set_nick(alice, false);
    bridge.0.allocate(alice, at("203.0.113.1:40001"), NOW).unwrap();
}

#[test]
fn a_listener_that_no_x_init_names_is_withdrawn_within_seconds() {
    let mut bridge = Bridge::beside_relay();
    let alice = bridge.open("9.9.9.9");
    bridge.0.allocate(alice, at(AT), NOW).unwrap();
    let refused = bridge.visit(AT, "8.8.8.8", NOW);
    assert_eq!(refused, Err(AllocationError::NotExpected(at(AT))), "nobody was called");
    assert!(bridge.0.next_check(at(AT), NOW + 10 * SECOND).is_some());
    let next = bridge.0.next_check(at(AT), NOW).unwrap();
    assert_eq!(bridge.0.next_check(at(AT), next), None);
    // Too late is too late.
    bridge.0.record_naming(alice, at(AT), None, next);
    assert_eq!(bridge.0.next_check(at(AT), next), None);
}

#[test]
fn a_listener_takes_visitors_for_its_call_and_then_those_of_the_session_alone() {
    let mut bridge = Bridge::beside_relay();
    let alice = bridge.open("9.9.9.9");
    bridge.listen(alice, AT, "8.8.8.8");
    let session = bridge.visit(AT, "8.8.8.8", NOW).unwrap();
    let stranger = bridge.visit(AT, "1.1.1.1", NOW).unwrap();
    bridge.0.closed(stranger);
    // A second X_INIT does not make it last.
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
fn a_listener_for_data_takes_visitors_from_the_other_end_of_a_connection_alone() {
    let mut bridge = Bridge::beside_relay();
    let alice = bridge.open("9.9.9.9");
    bridge.0.record_call(alice, at("8.8.8.8:4000"), NOW);
    let (_, session) = bridge.dial(alice, "8.8.8.8:4000").unwrap();
    bridge.0.allocate(alice, at(AT), NOW).unwrap();
    let data = bridge.visit(AT, "8.8.8.8", NOW).unwrap();
    assert!(bridge.visit(AT, "8.8.4.4", NOW).is_err());
    bridge.0.closed(session);
    assert!(bridge.visit(AT, "8.8.8.8", NOW).is_ok(), "data goes on");
    bridge.0.closed(data);
}

#[test]
fn nobody_names_anothers_listener() {
    let mut bridge = Bridge::beside_relay();
    let (alice, mallory) = (bridge.open("9.9.9.9"), bridge.open("8.8.8.8"));
    bridge.0.allocate(alice, at(AT), NOW).unwrap();
    bridge.0.record_naming(mallory, at(AT), None, NOW);
    assert!(bridge.visit(AT, "8.8.8.8", NOW).is_err());
}

#[test]
fn a_visitor_who_was_sent_gives_no_way_into_the_private_network() {
    let mut bridge = Bridge::beside_relay();
    let alice = bridge.open("10.0.0.9");
    bridge.listen(alice, AT, "10.0.0.7");
    // A page makes the browser of another machine connect.
    let _sent = bridge.visit(AT, "10.0.0.1", NOW).unwrap();
    assert!(bridge.dial(alice, "10.0.0.1:8080").is_err());
    // The one that was called is where the session goes.
    let _session = bridge.visit(AT, "10.0.0.7", NOW).unwrap();
    assert!(bridge.dial(alice, "10.0.0.7:8080").is_ok());
}

#[test]
fn a_joined_connection_leads_to_the_others_listeners_and_nothing_else() {
    for mut bridge in [Bridge::beside_relay(), Bridge::elsewhere()] {
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
        assert!(bridge.dial(bob, "203.0.113.1:40009").is_err(), "a third's");
        bridge.0.allocate(bob, at("203.0.113.1:40001"), NOW).unwrap();
        let (route, _data) = bridge.dial(alice, "203.0.113.1:40001").unwrap();
        assert_eq!(route, Route::InProcess);
        bridge.0.withdraw(at("203.0.113.1:40001"));
        assert!(bridge.dial(alice, "203.0.113.1:40001").is_err(), "not there now");
    }
}

#[test]
fn listeners_are_counted_by_tunnel_and_by_address() {
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
