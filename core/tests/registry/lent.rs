//! Addresses that are not a client's own, lent to it.

use super::*;

const REFUSED: &str = "is not your address; the relay sees you at 127.0.0.1\n";

fn lend(relay: &mut Relay, conn: ConnId, at: &str) {
    relay.handle(Input::Allocated { conn, at: at.parse().unwrap() });
}

fn give_back(relay: &mut Relay, conn: ConnId, at: &str) {
    relay.handle(Input::Released { conn, at: at.parse().unwrap() });
}

/// Whether an X_INIT of `conn`'s reaches bob, byte for byte; if not, it is refused.
fn may_name(relay: &mut Relay, conn: ConnId, ip_port: &str) -> bool {
    let answer = relay.ask(conn, &format!("X_INIT bob {ip_port}"));
    let heard = relay.look(BOB);
    if answer.is_empty() {
        assert_eq!(heard, format!("X_INIT bob {ip_port}\n"));
        return true;
    }
    assert!(answer.ends_with(REFUSED), "{answer}");
    assert_eq!(heard, "");
    false
}

#[test]
fn a_lent_address_may_be_named_and_no_other() {
    let mut relay = two();
    assert!(!may_name(&mut relay, ALICE, "9.9.9.9 4000"));
    lend(&mut relay, ALICE, "9.9.9.9:4000");
    assert!(may_name(&mut relay, ALICE, "9.9.9.9 4000"));
    assert!(may_name(&mut relay, ALICE, "127.0.0.1 5"), "its own stays");
    assert!(!may_name(&mut relay, ALICE, "9.9.9.9 4001"), "the port counts");
    assert!(!may_name(&mut relay, ALICE, "9.9.9.10 4000"), "the address counts");
}

#[test]
fn a_returned_address_may_not_be_named() {
    let mut relay = two();
    lend(&mut relay, ALICE, "9.9.9.9:4000");
    lend(&mut relay, ALICE, "9.9.9.9:4001");
    // Lent twice is lent once.
    lend(&mut relay, ALICE, "9.9.9.9:4000");
    give_back(&mut relay, ALICE, "9.9.9.9:4000");
    give_back(&mut relay, ALICE, "9.9.9.9:4002");
    assert!(!may_name(&mut relay, ALICE, "9.9.9.9 4000"));
    assert!(may_name(&mut relay, ALICE, "9.9.9.9 4001"));
}

#[test]
fn another_connection_cannot_name_it() {
    let mut relay = two();
    relay.join(CAROL, "carol");
    lend(&mut relay, ALICE, "9.9.9.9:4000");
    assert!(!may_name(&mut relay, CAROL, "9.9.9.9 4000"));
    give_back(&mut relay, CAROL, "9.9.9.9:4000");
    assert!(may_name(&mut relay, ALICE, "9.9.9.9 4000"), "only the borrower gives back");
}

#[test]
fn what_was_lent_goes_with_the_connection() {
    let mut relay = two();
    lend(&mut relay, ALICE, "9.9.9.9:4000");
    relay.handle(Input::Closed { conn: ALICE });
    // Nothing is kept for a connection that is not there.
    lend(&mut relay, ALICE, "9.9.9.9:4001");
    relay.join(ALICE, "alice");
    assert!(!may_name(&mut relay, ALICE, "9.9.9.9 4000"));
    assert!(!may_name(&mut relay, ALICE, "9.9.9.9 4001"));
}

#[test]
fn what_is_lent_beyond_the_limit_is_not_taken() {
    let mut relay = Relay::new(RelayLimits { allocations: 2, ..RelayLimits::default() });
    relay.join(ALICE, "alice");
    relay.join(BOB, "bob");
    for port in 4000..4003 {
        lend(&mut relay, ALICE, &format!("9.9.9.9:{port}"));
    }
    assert!(may_name(&mut relay, ALICE, "9.9.9.9 4001"));
    assert!(!may_name(&mut relay, ALICE, "9.9.9.9 4002"));
    give_back(&mut relay, ALICE, "9.9.9.9:4000");
    lend(&mut relay, ALICE, "9.9.9.9:4002");
    assert!(may_name(&mut relay, ALICE, "9.9.9.9 4002"));
}

#[test]
fn an_ipv4_address_inside_ipv6_is_the_ipv4_address() {
    let mut relay = two();
    lend(&mut relay, ALICE, "[::ffff:9.9.9.9]:4000");
    assert!(may_name(&mut relay, ALICE, "9.9.9.9 4000"));
    let mapped = relay.ask(ALICE, "X_INIT bob ::ffff:9.9.9.9 4000");
    assert!(mapped.starts_with("X_ERR X_INIT refused: "), "but not named so: {mapped}");
    give_back(&mut relay, ALICE, "9.9.9.9:4000");
    assert!(!may_name(&mut relay, ALICE, "9.9.9.9 4000"));
}

#[test]
fn the_other_checks_stay() {
    let mut relay = two();
    relay.connect(CAROL);
    lend(&mut relay, CAROL, "9.9.9.9:4000");
    assert_eq!(
        relay.ask(CAROL, "X_INIT bob 9.9.9.9 4000"),
        "X_ERR X_INIT expected X_NICK nick first\n"
    );
    relay.ask(CAROL, "X_NICK carol");
    assert_eq!(
        relay.ask(CAROL, "X_INIT nobody 9.9.9.9 4000"),
        "X_ERR X_INIT no such nick: nobody\n"
    );
}
