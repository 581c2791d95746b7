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
    assert_eq!(
        relay.ask(ALICE, "X_CAPS key other"),
        "X_CAPS from key ticket\n",
        "before the nick too"
    );
    assert_eq!(relay.ask(ALICE, "X_CAPS key"), "", "once");
    relay.join(BOB, "bob");
    assert_eq!(relay.ask(BOB, "X_CAPS from key"), "X_CAPS from key ticket\n");
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
    assert_eq!(relay.ask(ALICE, "X_CAPS key"), "X_CAPS from ticket\n");
}

/// Alice, who calls, and Bob, each with these words.
fn two(alice: &str, bob: &str) -> Relay {
    let mut relay = super::two();
    for (conn, words) in [(ALICE, alice), (BOB, bob)] {
        relay.ask(conn, &format!("X_CAPS {words}"));
    }
    relay
}

#[test]
fn both_sides_of_a_call_get_a_ticket_of_its_own() {
    let mut relay = two("from ticket", "from ticket");
    let mut drawn = Vec::new();
    for port in [4000, 4001] {
        let init = format!("X_INIT bob 127.0.0.1 {port}");
        let due = relay.ask(ALICE, &init);
        let ticket = due.strip_prefix(&format!("X_TICKET bob 127.0.0.1 {port} ")).expect("due");
        let ticket = ticket.trim_end().to_owned();
        assert_eq!(ticket.len(), 24);
        let passed = format!("X_FROM alice\nX_TICKET {ticket}\n{init}\n");
        assert_eq!(relay.look(BOB), passed);
        drawn.push(ticket);
    }
    assert_ne!(drawn[0], drawn[1]);
}

#[test]
fn who_knows_no_tickets_gets_none() {
    let init = "X_INIT bob 127.0.0.1 4000";
    for (alice, bob, to_alice, to_bob) in [
        ("from ticket", "from", "X_TICKET bob 127.0.0.1 4000 -\n", "X_FROM alice\n"),
        ("from", "ticket", "", ""),
        ("from", "from", "", "X_FROM alice\n"),
    ] {
        let mut relay = two(alice, bob);
        assert_eq!(relay.ask(ALICE, init), to_alice);
        assert_eq!(relay.look(BOB), format!("{to_bob}{init}\n"));
    }
    // What is not passed on needs no ticket.
    let mut relay = two("ticket", "ticket");
    assert_eq!(relay.ask(ALICE, "X_INIT ben 127.0.0.1 4000"), "X_ERR X_INIT no such nick: ben\n");
}
