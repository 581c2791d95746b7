//! Silent clients.

use super::*;

#[test]
fn silent_client_is_pinged_and_then_closed() {
    let mut relay = two();
    relay.wait(seconds(30));
    assert_eq!(
        (relay.output(ALICE), relay.output(BOB)),
        ("X_PING 1\n".into(), "X_PING 2\n".into())
    );
    relay.ask(ALICE, "X_PONG 1");
    relay.wait(seconds(29));
    assert_eq!(relay.closed(BOB), None);
    relay.wait(seconds(1));
    assert_eq!(relay.closed(BOB), Some(CloseReason::Silent));
    assert_eq!(relay.closed(ALICE), None);
    relay.register(CAROL, "bob");
}

#[test]
fn active_client_is_not_pinged() {
    let mut relay = two();
    for _ in 0..100 {
        relay.wait(seconds(29));
        relay.ask(ALICE, "X_PING x");
        relay.send(BOB, "X");
    }
    assert_eq!((relay.output(ALICE), relay.output(BOB)), (String::new(), String::new()));
    assert_eq!((relay.closed(ALICE), relay.closed(BOB)), (None, None));
}

#[test]
fn idle_client_costs_one_tick_per_timeout() {
    let mut relay = two();
    relay.handle(Input::Closed { conn: BOB });
    let mut ticks = 0;
    let end = relay.now + seconds(300);
    while let Some(at) = relay.registry.next_deadline().filter(|at| *at <= end) {
        relay.now = at;
        relay.handle(Input::Tick);
        if relay.output(ALICE).starts_with("X_PING") {
            relay.send(ALICE, "X_PONG 1\n");
        }
        ticks += 1;
        assert!(ticks <= 20, "ticks without end");
    }
    assert_eq!(relay.closed(ALICE), None);
}

#[test]
fn connection_without_a_nick_is_closed_in_time() {
    let mut relay = relay();
    relay.connect(ALICE);
    for _ in 0..59 {
        relay.wait(seconds(1));
        relay.ask(ALICE, "X_PING x");
    }
    assert_eq!(relay.closed(ALICE), None);
    relay.wait(seconds(1));
    assert_eq!(relay.closed(ALICE), Some(CloseReason::NoNick));
    assert_eq!(relay.output(ALICE), "X_ERR - no X_NICK within 60s\n");
}
