//! What a client sends while other relays are asked on its behalf (section 23.5).

use xcher_core::registry::CloseReason;

use super::super::{ALICE, BOB};
use super::*;

#[test]
fn answers_come_in_the_order_of_the_questions() {
    let mut network = Network::new(2);
    network.register(TWO, BOB, "bob");
    network.connect_from(ONE, ALICE, "9.9.0.1:5");
    network.hold();
    network.send(
        ONE,
        ALICE,
        "X_NICK alice\nX_PING 1\nX_INIT nobody 9.9.0.1 4000\nX_PING 2\nX_INIT bob 9.9.0.1 4000\nX_PING 3\nX_END\n",
    );
    assert_eq!(network.output(ONE, ALICE), "");
    network.release();
    network.wait(SPREAD_TIME);
    let expected =
        "X_NICK alice YES\nX_PONG 1\nX_ERR X_INIT no such nick: nobody\nX_PONG 2\nX_PONG 3\n";
    assert_eq!(network.output(ONE, ALICE), expected);
    assert_eq!(network.output(TWO, BOB), "X_INIT bob 9.9.0.1 4000\n");
    assert_eq!(network.relays[ONE].closed(ALICE), Some(CloseReason::End));
}

#[test]
fn what_a_client_sends_ahead_is_bounded() {
    let mut network = Network::new(2);
    network.connect_from(ONE, ALICE, "9.9.0.1:5");
    network.hold();
    network.send(ONE, ALICE, "X_NICK alice\n");
    let mut sent = 0;
    while network.relays[ONE].closed(ALICE).is_none() && sent < (1 << 20) {
        network.send(ONE, ALICE, "X_PING 1\n");
        sent += 9;
    }
    assert!((65_536..65_600).contains(&sent), "{sent}");
    assert_eq!(network.relays[ONE].closed(ALICE), Some(CloseReason::TooMuchAhead));
    let told = network.output(ONE, ALICE);
    assert!(told.starts_with("X_ERR - more than 65536 bytes sent before"), "{told}");
    network.release();
    network.register(TWO, BOB, "alice");
}

#[test]
fn a_waiting_client_can_be_called() {
    let mut network = Network::new(2);
    network.register(ONE, ALICE, "alice");
    network.register(TWO, BOB, "bob");
    network.hold();
    network.send(ONE, ALICE, "X_INIT bob 9.9.0.1 4000\n");
    network.send(TWO, BOB, "X_INIT alice 9.9.1.2 4000\n");
    network.release();
    assert_eq!(network.output(ONE, ALICE), "X_INIT alice 9.9.1.2 4000\n");
    assert_eq!(network.output(TWO, BOB), "X_INIT bob 9.9.0.1 4000\n");
}
