//! How much one client can have.

use super::*;

#[test]
fn there_are_no_more_connections_than_the_limit() {
    let mut relay = Relay::new(RelayLimits { connections: 2, ..RelayLimits::default() });
    relay.connect(ALICE);
    relay.connect(BOB);
    relay.connect(CAROL);
    assert_eq!(relay.look(CAROL), "X_ERR - expected at most 2 connections, got one more\n");
    assert_eq!(relay.closed(CAROL), Some(CloseReason::Full));
    relay.handle(Input::Closed { conn: ALICE });
    relay.join(ConnId(4), "dave");
}

#[test]
fn an_address_has_no_more_connections_than_the_limit() {
    let limits = || RelayLimits { per_address: 1, ..RelayLimits::default() };
    for (first, second, fits) in [
        ("10.0.0.1:1", "10.0.0.1:2", false),
        ("10.0.0.1:1", "[::ffff:10.0.0.1]:2", false),
        ("10.0.0.1:1", "10.0.0.2:2", true),
        ("[2a00:1:2:3::1]:1", "[2a00:1:2:3:9:9:9:9]:2", false),
        ("[2a00:1:2:3::1]:1", "[2a00:1:2:4::1]:2", true),
    ] {
        let mut relay = Relay::new(limits());
        relay.connect_from(ALICE, first);
        relay.connect_from(BOB, second);
        let reason = (!fits).then_some(CloseReason::AddressFull);
        assert_eq!(relay.closed(BOB), reason, "{first} and {second}");
        relay.handle(Input::Closed { conn: ALICE });
        relay.connect_from(CAROL, second);
        assert_eq!(relay.closed(CAROL).is_none(), !fits, "{first} and {second}");
    }
}

#[test]
fn limits_change_while_the_relay_runs() {
    let mut relay = two();
    relay.registry.set_limits(RelayLimits { connections: 2, ..RelayLimits::default() });
    relay.connect(CAROL);
    assert_eq!(relay.closed(CAROL), Some(CloseReason::Full));
    relay.registry.set_limits(RelayLimits { connections: 1, ..RelayLimits::default() });
    assert_eq!(relay.ask(ALICE, "X_WHO"), "X_WHO alice\nX_WHO bob\nX_WHO EOF\n", "both stay");
    // What is due sooner than before is done sooner.
    let silence = seconds(5);
    relay.registry.set_limits(RelayLimits { silence_timeout: silence, ..RelayLimits::default() });
    relay.wait(silence);
    assert_eq!(relay.look(BOB), "X_PING 2\n");
    relay.join(ConnId(4), "dave");
}

#[test]
fn asks_have_a_budget_that_comes_back() {
    let mut relay = Relay::new(RelayLimits { asks_per_minute: 60, ..RelayLimits::default() });
    relay.join(ALICE, "alice");
    for _ in 0..60 {
        assert_eq!(relay.ask(ALICE, "X_WHO"), "X_WHO alice\nX_WHO EOF\n");
    }
    for _ in 0..50 {
        assert_eq!(
            relay.ask(ALICE, "X_INIT alice 127.0.0.1 4000"),
            "X_ERR X_INIT expected at most 60 X_INIT and X_WHO a minute, got one more\n"
        );
    }
    relay.now += seconds(1);
    assert_eq!(relay.ask(ALICE, "X_WHO"), "X_WHO alice\nX_WHO EOF\n");
    assert!(relay.ask(ALICE, "X_WHO").starts_with("X_ERR"));
    assert_eq!(relay.closed(ALICE), None);
}

#[test]
fn a_client_that_does_not_read_is_closed_and_nobody_waits() {
    let mut relay = Relay::new(RelayLimits { unsent: 1000, ..RelayLimits::default() });
    relay.join(ALICE, "alice");
    relay.join(BOB, "bob");
    relay.sends = false;
    let line = "X_INIT bob 127.0.0.1 4000\n";
    for _ in 0..1000 / line.len() {
        relay.say(ALICE, line);
    }
    assert_eq!(relay.closed(BOB), None);
    relay.say(ALICE, line);
    assert_eq!(relay.closed(BOB), Some(CloseReason::NotReading));
    assert_eq!(relay.look(ALICE), "X_ERR X_INIT bob does not read and is closed\n");
    assert_eq!(relay.ask(ALICE, "X_PING still"), "X_PONG still\n");
}

#[test]
fn a_client_that_reads_slowly_stays() {
    let mut relay = Relay::new(RelayLimits { unsent: 1000, ..RelayLimits::default() });
    relay.join(ALICE, "alice");
    relay.join(BOB, "bob");
    relay.sends = false;
    for _ in 0..10_000 {
        relay.say(ALICE, "X_INIT bob 127.0.0.1 4000\n");
        relay.handle(Input::Sent { conn: BOB, bytes: 26 });
    }
    assert_eq!(relay.closed(BOB), None);
}

#[test]
fn an_answer_that_is_not_read_closes_the_asker() {
    let mut relay = Relay::new(RelayLimits { unsent: 1000, ..RelayLimits::default() });
    relay.join(ALICE, "alice");
    relay.sends = false;
    relay.say(ALICE, &"X_PING 0123456789\n".repeat(1000));
    assert!(relay.look(ALICE).len() < 1100);
    assert_eq!(relay.closed(ALICE), Some(CloseReason::NotReading));
}
