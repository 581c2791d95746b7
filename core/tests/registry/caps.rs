//! Capabilities of the relay and its clients (section 5.3), and tickets (section 5.5).

use xcher_core::secure::Identity;

use super::*;

fn with_identity() -> Relay {
    let mut relay = relay();
    let identity = Identity::new([9; 32]);
    relay.registry = Registry::new(RelayLimits::default(), [7; 32]).with_identity(identity);
    relay
}

#[test]
fn relay_answers_caps_with_its_own_words() {
    let mut relay = with_identity();
    relay.connect(ALICE);
    assert_eq!(
        relay.ask(ALICE, "X_CAPS key other"),
        "X_CAPS from key ticket near move page path decline\n",
        "without a nick"
    );
    assert_eq!(relay.ask(ALICE, "X_CAPS key"), "", "only the first is answered");
    relay.register(BOB, "bob");
    assert_eq!(
        relay.ask(BOB, "X_CAPS from key"),
        "X_CAPS from key ticket near move page path decline\n"
    );
}

#[test]
fn unknown_words_get_no_answer() {
    let mut relay = with_identity();
    relay.connect(ALICE);
    assert_eq!(relay.ask(ALICE, "X_CAPS from other"), "");
    assert_eq!(relay.closed(ALICE), None);
}

#[test]
fn relay_without_a_key_does_not_name_it() {
    let mut relay = relay();
    relay.connect(ALICE);
    assert_eq!(relay.ask(ALICE, "X_CAPS key"), "X_CAPS from ticket near move page path decline\n");
}

/// Alice, the caller, and Bob, each with these words.
fn two(alice: &str, bob: &str) -> Relay {
    let mut relay = super::two();
    for (conn, words) in [(ALICE, alice), (BOB, bob)] {
        relay.ask(conn, &format!("X_CAPS {words}"));
    }
    relay
}

#[test]
fn both_sides_get_a_ticket_for_each_call() {
    let mut relay = two("from ticket", "from ticket");
    let mut drawn = Vec::new();
    for port in [4000, 4001] {
        let init = format!("X_INIT bob 127.0.0.1 {port}");
        let due = relay.ask(ALICE, &init);
        let ticket = due.strip_prefix(&format!("X_TICKET bob 127.0.0.1 {port} ")).expect("due");
        let ticket = ticket.trim_end().to_owned();
        assert_eq!(ticket.len(), 24);
        let passed = format!("X_FROM alice\nX_TICKET {ticket}\n{init}\n");
        assert_eq!(relay.output(BOB), passed);
        drawn.push(ticket);
    }
    assert_ne!(drawn[0], drawn[1]);
}

#[test]
fn clients_without_tickets_get_none() {
    let init = "X_INIT bob 127.0.0.1 4000";
    for (alice, bob, to_alice, to_bob) in [
        ("from ticket", "from", "X_TICKET bob 127.0.0.1 4000 -\n", "X_FROM alice\n"),
        ("from", "ticket", "", ""),
        ("from", "from", "", "X_FROM alice\n"),
    ] {
        let mut relay = two(alice, bob);
        assert_eq!(relay.ask(ALICE, init), to_alice);
        assert_eq!(relay.output(BOB), format!("{to_bob}{init}\n"));
    }
    // A call that is not forwarded gets no ticket.
    let mut relay = two("ticket", "ticket");
    assert_eq!(relay.ask(ALICE, "X_INIT ben 127.0.0.1 4000"), "X_ERR X_INIT no such nick: ben\n");
}
