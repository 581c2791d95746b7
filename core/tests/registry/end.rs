//! Stopping the relay, and inputs for closed connections.

use super::*;

#[test]
fn stopping_sends_end_to_all() {
    let mut relay = two();
    relay.connect(CAROL);
    relay.handle(Input::Stop);
    for conn in [ALICE, BOB, CAROL] {
        assert_eq!(relay.output(conn), "X_END\n");
        assert_eq!(relay.closed(conn), Some(CloseReason::Stopped));
    }
    relay.connect(ConnId(4));
    assert_eq!(relay.closed(ConnId(4)), Some(CloseReason::Stopped));
    assert_eq!((relay.registry.connections(), relay.registry.next_deadline()), (0, None));
}

#[test]
fn inputs_for_a_closed_connection_have_no_effect() {
    let mut relay = two();
    relay.ask(ALICE, "X_END");
    relay.send(ALICE, "X_INIT bob 127.0.0.1 4000\n");
    relay.handle(Input::Sent { conn: ALICE, bytes: 7 });
    relay.handle(Input::Closed { conn: ALICE });
    assert_eq!((relay.output(ALICE), relay.output(BOB)), (String::new(), String::new()));
}
