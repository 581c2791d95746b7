//! What the relay and its clients can do beyond the base protocol.

use xcher_core::secure::Identity;

use super::*;

fn with_identity() -> Relay {
    let mut relay = relay();
    let identity = Identity::new([9; 32]);
    relay.registry = Registry::new(RelayLimits::default(), [7; 32]).with_identity(identity);
    relay
}

#[test]
fn a_word_that_relays_answer_is_answered_with_the_relays_own() {
    let mut relay = with_identity();
    relay.connect(ALICE);
    assert_eq!(relay.ask(ALICE, "X_CAPS key other"), "X_CAPS from key\n", "before the nick too");
    assert_eq!(relay.ask(ALICE, "X_CAPS key"), "", "once");
    relay.join(BOB, "bob");
    assert_eq!(relay.ask(BOB, "X_CAPS from key"), "X_CAPS from key\n");
}

#[test]
fn other_words_get_no_answer() {
    let mut relay = with_identity();
    relay.connect(ALICE);
    assert_eq!(relay.ask(ALICE, "X_CAPS from other"), "");
    assert_eq!(relay.closed(ALICE), None);
}

#[test]
fn a_relay_that_cannot_prove_who_it_is_does_not_say_that_it_can() {
    let mut relay = relay();
    relay.connect(ALICE);
    assert_eq!(relay.ask(ALICE, "X_CAPS key"), "X_CAPS from\n");
}
