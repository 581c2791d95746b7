//! Limits of one client.

use super::*;

#[test]
fn connections_are_limited() {
    let mut relay = Relay::new(RelayLimits { connections: 2, ..RelayLimits::default() });
    relay.connect(ALICE);
    relay.connect(BOB);
    relay.connect(CAROL);
    assert_eq!(relay.output(CAROL), "X_ERR - too many connections: the limit is 2\n");
    assert_eq!(relay.closed(CAROL), Some(CloseReason::Full));
    relay.handle(Input::Closed { conn: ALICE });
    relay.register(ConnId(4), "dave");
}

#[test]
fn connections_of_an_address_are_limited() {
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
fn limits_can_change_while_the_relay_runs() {
    let mut relay = two();
    relay.registry.set_limits(RelayLimits { connections: 2, ..RelayLimits::default() });
    relay.connect(CAROL);
    assert_eq!(relay.closed(CAROL), Some(CloseReason::Full));
    relay.registry.set_limits(RelayLimits { connections: 1, ..RelayLimits::default() });
    assert_eq!(relay.ask(ALICE, "X_WHO"), "X_WHO alice\nX_WHO bob\nX_WHO EOF\n", "both stay");
    // A shorter timeout applies to clients that are connected already.
    let silence = seconds(5);
    relay.registry.set_limits(RelayLimits { silence_timeout: silence, ..RelayLimits::default() });
    relay.wait(silence);
    assert_eq!(relay.output(BOB), "X_PING 2\n");
    relay.register(ConnId(4), "dave");
}

#[test]
fn budget_for_init_and_who_is_restored() {
    let mut relay = Relay::new(RelayLimits { asks_per_minute: 60, ..RelayLimits::default() });
    relay.register(ALICE, "alice");
    for _ in 0..60 {
        assert_eq!(relay.ask(ALICE, "X_WHO"), "X_WHO alice\nX_WHO EOF\n");
    }
    for _ in 0..50 {
        assert_eq!(
            relay.ask(ALICE, "X_INIT alice 127.0.0.1 4000"),
            "X_ERR X_INIT too many X_INIT, X_MEET and X_WHO: the limit is 60 per minute\n"
        );
    }
    relay.now += seconds(1);
    assert_eq!(relay.ask(ALICE, "X_WHO"), "X_WHO alice\nX_WHO EOF\n");
    assert!(relay.ask(ALICE, "X_WHO").starts_with("X_ERR"));
    assert_eq!(relay.closed(ALICE), None);
}

#[test]
fn client_that_does_not_read_is_closed_without_delaying_others() {
    let mut relay = Relay::new(RelayLimits { unsent: 1000, ..RelayLimits::default() });
    relay.register(ALICE, "alice");
    relay.register(BOB, "bob");
    relay.sends_at_once = false;
    let line = "X_INIT bob 127.0.0.1 4000\n";
    for _ in 0..1000 / line.len() {
        relay.send(ALICE, line);
    }
    assert_eq!(relay.closed(BOB), None);
    relay.send(ALICE, line);
    assert_eq!(relay.closed(BOB), Some(CloseReason::NotReading));
    assert_eq!(relay.output(ALICE), "X_ERR X_INIT bob does not read and was disconnected\n");
    assert_eq!(relay.ask(ALICE, "X_PING still"), "X_PONG still\n");
}

#[test]
fn slow_client_stays() {
    let mut relay = Relay::new(RelayLimits { unsent: 1000, ..RelayLimits::default() });
    relay.register(ALICE, "alice");
    relay.register(BOB, "bob");
    relay.sends_at_once = false;
    for _ in 0..10_000 {
        relay.send(ALICE, "X_INIT bob 127.0.0.1 4000\n");
        relay.handle(Input::Sent { conn: BOB, bytes: 26 });
    }
    assert_eq!(relay.closed(BOB), None);
}

#[test]
fn client_that_does_not_read_its_answers_is_closed() {
    let mut relay = Relay::new(RelayLimits { unsent: 1000, ..RelayLimits::default() });
    relay.register(ALICE, "alice");
    relay.sends_at_once = false;
    relay.send(ALICE, &"X_PING 0123456789\n".repeat(1000));
    assert!(relay.output(ALICE).len() < 1100);
    assert_eq!(relay.closed(ALICE), Some(CloseReason::NotReading));
}
