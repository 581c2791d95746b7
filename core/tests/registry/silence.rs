//! Who says nothing.

use super::*;

#[test]
fn a_silent_client_is_pinged_and_then_its_nick_is_free() {
    let mut relay = two();
    relay.wait(seconds(30));
    assert_eq!((relay.look(ALICE), relay.look(BOB)), ("X_PING 1\n".into(), "X_PING 2\n".into()));
    relay.ask(ALICE, "X_PONG 1");
    relay.wait(seconds(29));
    assert_eq!(relay.closed(BOB), None);
    relay.wait(seconds(1));
    assert_eq!(relay.closed(BOB), Some(CloseReason::Silent));
    assert_eq!(relay.closed(ALICE), None);
    relay.join(CAROL, "bob");
}

#[test]
fn who_speaks_is_not_pinged() {
    let mut relay = two();
    for _ in 0..100 {
        relay.wait(seconds(29));
        relay.ask(ALICE, "X_PING x");
        relay.say(BOB, "X");
    }
    assert_eq!((relay.look(ALICE), relay.look(BOB)), (String::new(), String::new()));
    assert_eq!((relay.closed(ALICE), relay.closed(BOB)), (None, None));
}

#[test]
fn an_idle_client_costs_one_tick_a_silence() {
    let mut relay = two();
    relay.handle(Input::Closed { conn: BOB });
    let mut ticks = 0;
    let end = relay.now + seconds(300);
    while let Some(at) = relay.registry.next_deadline().filter(|at| *at <= end) {
        relay.now = at;
        relay.handle(Input::Tick);
        if relay.look(ALICE).starts_with("X_PING") {
            relay.say(ALICE, "X_PONG 1\n");
        }
        ticks += 1;
        assert!(ticks <= 20, "ticks without end");
    }
    assert_eq!(relay.closed(ALICE), None);
}

#[test]
fn a_connection_without_a_nick_is_closed_in_time() {
    let mut relay = relay();
    relay.connect(ALICE);
    for _ in 0..59 {
        relay.wait(seconds(1));
        relay.ask(ALICE, "X_PING x");
    }
    assert_eq!(relay.closed(ALICE), None);
    relay.wait(seconds(1));
    assert_eq!(relay.closed(ALICE), Some(CloseReason::NoNick));
    assert_eq!(relay.look(ALICE), "X_ERR - expected X_NICK nick within 60s, got none\n");
}
