//! Declined calls (section 5.13).

use super::*;

const WORDS: &str = "X_CAPS from ticket decline";

/// Alice, the caller, and Bob and Carol, each with these words.
fn three(alice: &str, bob: &str) -> Relay {
    let mut relay = super::two();
    relay.register(CAROL, "carol");
    for (conn, words) in [(ALICE, alice), (BOB, bob), (CAROL, WORDS)] {
        relay.ask(conn, words);
    }
    relay
}

/// Alice calls Bob; returns the ticket that Bob got.
fn call(relay: &mut Relay) -> String {
    relay.ask(ALICE, "X_INIT bob 127.0.0.1 4000");
    let heard = relay.output(BOB);
    let ticket = heard.lines().find_map(|line| line.strip_prefix("X_TICKET "));
    ticket.expect(&heard).to_owned()
}

#[test]
fn the_caller_is_told_once() {
    let mut relay = three(WORDS, WORDS);
    let (first, second) = (call(&mut relay), call(&mut relay));
    for ticket in [second, first] {
        for expected in [format!("X_DECLINE {ticket}\n"), String::new()] {
            assert_eq!(relay.ask(BOB, &format!("X_DECLINE {ticket}")), "");
            assert_eq!(relay.output(ALICE), expected);
        }
    }
    assert_eq!(relay.output(CAROL), "");
}

#[test]
fn nobody_else_can_decline_a_call() {
    let mut relay = three(WORDS, WORDS);
    let ticket = call(&mut relay);
    for other in [CAROL, ALICE] {
        assert_eq!(relay.ask(other, &format!("X_DECLINE {ticket}")), "");
    }
    for wrong in ["AAAAAAAAAAAAAAAAAAAAAA==", "-", "alice", &ticket[2..]] {
        assert_eq!(relay.ask(BOB, &format!("X_DECLINE {wrong}")), "");
    }
    let unknown = ConnId(9);
    relay.connect(unknown);
    let answer = relay.ask(unknown, &format!("X_DECLINE {ticket}"));
    assert_eq!(answer, "X_ERR X_DECLINE X_NICK must come first\n");
    assert_eq!(relay.output(ALICE), "");
    relay.ask(BOB, &format!("X_DECLINE {ticket}"));
    assert_eq!(relay.output(ALICE), format!("X_DECLINE {ticket}\n"));
}

#[test]
fn both_hosts_must_know_the_word_and_tickets() {
    let mut relay = three("X_CAPS from ticket", WORDS);
    let ticket = call(&mut relay);
    assert_eq!(relay.ask(BOB, &format!("X_DECLINE {ticket}")), "");
    assert_eq!(relay.output(ALICE), "", "a caller without the word");
    let mut relay = three(WORDS, "X_CAPS from ticket");
    let ticket = call(&mut relay);
    let answer = relay.ask(BOB, &format!("X_DECLINE {ticket}"));
    let expected = "X_ERR X_DECLINE X_CAPS with the words ticket and decline must come first\n";
    assert_eq!((&*answer, &*relay.output(ALICE)), (expected, ""));
}

#[test]
fn wrong_tickets_have_a_budget_and_right_ones_none() {
    let mut relay = three(WORDS, WORDS);
    let limit = RelayLimits::default().asks_per_minute;
    for _ in 0..limit {
        assert_eq!(relay.ask(BOB, "X_DECLINE AAAAAAAAAAAAAAAAAAAAAA=="), "");
    }
    let answer = relay.ask(BOB, "X_DECLINE AAAAAAAAAAAAAAAAAAAAAA==");
    assert_eq!(answer, "X_ERR X_DECLINE too many X_DECLINE\n");
    let ticket = call(&mut relay);
    assert_eq!(relay.ask(BOB, &format!("X_DECLINE {ticket}")), "");
    assert_eq!(relay.output(ALICE), format!("X_DECLINE {ticket}\n"));
    // Bob can still call.
    assert!(relay.ask(BOB, "X_INIT alice 127.0.0.1 4000").starts_with("X_TICKET alice "));
}

#[test]
fn a_caller_that_has_left_is_told_nothing() {
    let mut relay = three(WORDS, WORDS);
    let ticket = call(&mut relay);
    relay.handle(Input::Closed { conn: ALICE });
    assert_eq!(relay.ask(BOB, &format!("X_DECLINE {ticket}")), "");
    let mut relay = three(WORDS, WORDS);
    let ticket = call(&mut relay);
    relay.handle(Input::Closed { conn: BOB });
    relay.register(ConnId(9), "bob");
    relay.ask(ConnId(9), WORDS);
    assert_eq!(relay.ask(ConnId(9), &format!("X_DECLINE {ticket}")), "");
    assert_eq!(relay.output(ALICE), "", "another host has the nick");
}
