//! What the relay vouches for to a bridge, beside what it passes on.

use super::*;

/// Alice calls bob from this address, who is behind a bridge: what bob's bridge is told.
fn told(limits: RelayLimits, alice_from: &str, names: &str) -> Vec<(ConnId, Report)> {
    let mut relay = Relay::new(limits);
    relay.connect_from(ALICE, alice_from);
    relay.ask(ALICE, "X_NICK alice");
    relay.connect_from(BOB, "8.8.4.4:4000");
    relay.handle(Input::Bridged { conn: BOB });
    relay.ask(BOB, "X_NICK bob");
    assert_eq!(relay.reports, [(BOB, Report::Registered)]);
    relay.reports.clear();
    assert_eq!(relay.ask(ALICE, &format!("X_INIT bob {names}")), "");
    assert_eq!(relay.look(BOB), format!("X_INIT bob {names}\n"), "it is passed on all the same");
    relay.reports
}

fn called(at: &str) -> Vec<(ConnId, Report)> {
    vec![(BOB, Report::Called { at: at.parse().unwrap() })]
}

#[test]
fn the_callers_own_address_and_no_other_private_one() {
    let usual = RelayLimits::default;
    assert_eq!(told(usual(), "10.0.0.9:5", "10.0.0.9 4000"), called("10.0.0.9:4000"));
    assert_eq!(told(usual(), "[::ffff:10.0.0.9]:5", "10.0.0.9 4000"), called("10.0.0.9:4000"));
    assert_eq!(told(usual(), "10.0.0.9:5", "10.0.0.1 4000"), []);
    assert_eq!(told(usual(), "127.0.0.1:5", "192.168.1.1 4000"), []);
}

#[test]
fn a_relay_that_passes_on_any_address_vouches_for_no_more() {
    let any = RelayLimits { any_address: true, ..RelayLimits::default() };
    assert_eq!(told(any.clone(), "9.9.9.9:5", "127.0.0.1 4000"), []);
    assert_eq!(told(any, "9.9.9.9:5", "9.9.9.9 4000"), called("9.9.9.9:4000"));
}

#[test]
fn a_lent_address_is_vouched_for_on_both_sides() {
    let mut relay = Relay::new(RelayLimits::default());
    for (conn, nick, from) in [(ALICE, "alice", "8.8.8.8:5"), (BOB, "bob", "9.9.9.9:5")] {
        relay.connect_from(conn, from);
        relay.handle(Input::Bridged { conn });
        relay.ask(conn, &format!("X_NICK {nick}"));
    }
    relay.reports.clear();
    let at: SocketAddr = "1.1.1.1:4000".parse().unwrap();
    relay.handle(Input::Allocated { conn: ALICE, at });
    relay.ask(ALICE, "X_INIT carol 1.1.1.1 4000");
    assert_eq!(relay.reports, [], "nobody is called");
    relay.ask(ALICE, "X_INIT bob 1.1.1.1 4000");
    let named = Report::Named { at, callee: [9, 9, 9, 9].into() };
    assert_eq!(relay.reports, [(ALICE, named), (BOB, Report::Called { at })]);
}

#[test]
fn nobody_is_told_of_other_calls() {
    let mut relay = two();
    relay.ask(ALICE, "X_INIT bob 127.0.0.1 4000");
    assert_eq!(relay.reports, []);
}
