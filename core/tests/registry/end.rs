//! When it stops.

use super::*;

#[test]
fn stopping_says_x_end_to_all() {
    let mut relay = two();
    relay.connect(CAROL);
    relay.handle(Input::Stop);
    for conn in [ALICE, BOB, CAROL] {
        assert_eq!(relay.look(conn), "X_END\n");
        assert_eq!(relay.closed(conn), Some(CloseReason::Stopped));
    }
    relay.connect(ConnId(4));
    assert_eq!(relay.closed(ConnId(4)), Some(CloseReason::Stopped));
    assert_eq!((relay.registry.connections(), relay.registry.next_deadline()), (0, None));
}

#[test]
fn what_comes_for_a_closed_connection_does_nothing() {
    let mut relay = two();
    relay.ask(ALICE, "X_END");
    relay.say(ALICE, "X_INIT bob 127.0.0.1 4000\n");
    relay.handle(Input::Sent { conn: ALICE, bytes: 7 });
    relay.handle(Input::Closed { conn: ALICE });
    assert_eq!((relay.look(ALICE), relay.look(BOB)), (String::new(), String::new()));
}
