//! Reports to bridges: the addresses that the relay vouches for (section 10.3).

use super::*;

/// Alice calls bob, who is behind a bridge, from `alice_from`. Returns the reports to bob's bridge.
fn reports(limits: RelayLimits, alice_from: &str, names: &str) -> Vec<(ConnId, Report)> {
    let mut relay = Relay::new(limits);
    relay.connect_from(ALICE, alice_from);
    relay.ask(ALICE, "X_NICK alice");
    relay.connect_from(BOB, "8.8.4.4:4000");
    relay.handle(Input::Bridged { conn: BOB });
    relay.ask(BOB, "X_NICK bob");
    assert_eq!(relay.reports, [(BOB, Report::Registered)]);
    relay.reports.clear();
    assert_eq!(relay.ask(ALICE, &format!("X_INIT bob {names}")), "");
    assert_eq!(relay.output(BOB), format!("X_INIT bob {names}\n"), "the call was not forwarded");
    relay.reports
}

fn called(at: &str) -> Vec<(ConnId, Report)> {
    vec![(BOB, Report::Called { at: at.parse().unwrap() })]
}

#[test]
fn vouches_for_the_callers_own_address_only() {
    let usual = RelayLimits::default;
    assert_eq!(reports(usual(), "10.0.0.9:5", "10.0.0.9 4000"), called("10.0.0.9:4000"));
    assert_eq!(reports(usual(), "[::ffff:10.0.0.9]:5", "10.0.0.9 4000"), called("10.0.0.9:4000"));
    assert_eq!(reports(usual(), "10.0.0.9:5", "10.0.0.1 4000"), []);
    assert_eq!(reports(usual(), "127.0.0.1:5", "192.168.1.1 4000"), []);
}

#[test]
fn any_address_does_not_extend_the_reports() {
    let any = RelayLimits { any_address: true, ..RelayLimits::default() };
    assert_eq!(reports(any.clone(), "9.9.9.9:5", "127.0.0.1 4000"), []);
    assert_eq!(reports(any, "9.9.9.9:5", "9.9.9.9 4000"), called("9.9.9.9:4000"));
}

#[test]
fn allocated_address_is_reported_on_both_sides() {
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
    assert_eq!(relay.reports, [], "carol is not online");
    relay.ask(ALICE, "X_INIT bob 1.1.1.1 4000");
    let named = Report::Named { at, callee: Some([9, 9, 9, 9].into()) };
    assert_eq!(relay.reports, [(ALICE, named), (BOB, Report::Called { at })]);
}

#[test]
fn other_calls_are_not_reported() {
    let mut relay = two();
    relay.ask(ALICE, "X_INIT bob 127.0.0.1 4000");
    assert_eq!(relay.reports, []);
}
