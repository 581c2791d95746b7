//! Addresses that a bridge has allocated to a client.

use super::*;

const REFUSED: &str = "is not your address; the relay sees you at 127.0.0.1\n";

fn allocate(relay: &mut Relay, conn: ConnId, at: &str) {
    relay.handle(Input::Allocated { conn, at: at.parse().unwrap() });
}

fn release(relay: &mut Relay, conn: ConnId, at: &str) {
    relay.handle(Input::Released { conn, at: at.parse().unwrap() });
}

/// Returns true if an X_INIT of `conn` reaches bob, byte for byte, and false if it is refused.
fn may_name(relay: &mut Relay, conn: ConnId, ip_port: &str) -> bool {
    let answer = relay.ask(conn, &format!("X_INIT bob {ip_port}"));
    let forwarded = relay.output(BOB);
    if answer.is_empty() {
        assert_eq!(forwarded, format!("X_INIT bob {ip_port}\n"));
        return true;
    }
    assert!(answer.ends_with(REFUSED), "{answer}");
    assert_eq!(forwarded, "");
    false
}

#[test]
fn only_the_allocated_address_may_be_named() {
    let mut relay = two();
    assert!(!may_name(&mut relay, ALICE, "9.9.9.9 4000"));
    allocate(&mut relay, ALICE, "9.9.9.9:4000");
    assert!(may_name(&mut relay, ALICE, "9.9.9.9 4000"));
    assert!(may_name(&mut relay, ALICE, "127.0.0.1 5"), "its own address");
    assert!(!may_name(&mut relay, ALICE, "9.9.9.9 4001"), "the port counts");
    assert!(!may_name(&mut relay, ALICE, "9.9.9.10 4000"), "the address counts");
}

#[test]
fn released_address_may_not_be_named() {
    let mut relay = two();
    allocate(&mut relay, ALICE, "9.9.9.9:4000");
    allocate(&mut relay, ALICE, "9.9.9.9:4001");
    // A second allocation of the same address changes nothing.
    allocate(&mut relay, ALICE, "9.9.9.9:4000");
    release(&mut relay, ALICE, "9.9.9.9:4000");
    release(&mut relay, ALICE, "9.9.9.9:4002");
    assert!(!may_name(&mut relay, ALICE, "9.9.9.9 4000"));
    assert!(may_name(&mut relay, ALICE, "9.9.9.9 4001"));
}

#[test]
fn another_connection_cannot_name_it() {
    let mut relay = two();
    relay.register(CAROL, "carol");
    allocate(&mut relay, ALICE, "9.9.9.9:4000");
    assert!(!may_name(&mut relay, CAROL, "9.9.9.9 4000"));
    release(&mut relay, CAROL, "9.9.9.9:4000");
    assert!(may_name(&mut relay, ALICE, "9.9.9.9 4000"), "another connection released it");
}

#[test]
fn allocations_end_with_the_connection() {
    let mut relay = two();
    allocate(&mut relay, ALICE, "9.9.9.9:4000");
    relay.handle(Input::Closed { conn: ALICE });
    // An allocation to a connection that does not exist has no effect.
    allocate(&mut relay, ALICE, "9.9.9.9:4001");
    relay.register(ALICE, "alice");
    assert!(!may_name(&mut relay, ALICE, "9.9.9.9 4000"));
    assert!(!may_name(&mut relay, ALICE, "9.9.9.9 4001"));
}

#[test]
fn allocations_beyond_the_limit_are_ignored() {
    let mut relay = Relay::new(RelayLimits { allocations: 2, ..RelayLimits::default() });
    relay.register(ALICE, "alice");
    relay.register(BOB, "bob");
    for port in 4000..4003 {
        allocate(&mut relay, ALICE, &format!("9.9.9.9:{port}"));
    }
    assert!(may_name(&mut relay, ALICE, "9.9.9.9 4001"));
    assert!(!may_name(&mut relay, ALICE, "9.9.9.9 4002"));
    release(&mut relay, ALICE, "9.9.9.9:4000");
    allocate(&mut relay, ALICE, "9.9.9.9:4002");
    assert!(may_name(&mut relay, ALICE, "9.9.9.9 4002"));
}

#[test]
fn mapped_ipv4_address_is_the_ipv4_address() {
    let mut relay = two();
    allocate(&mut relay, ALICE, "[::ffff:9.9.9.9]:4000");
    assert!(may_name(&mut relay, ALICE, "9.9.9.9 4000"));
    let mapped = relay.ask(ALICE, "X_INIT bob ::ffff:9.9.9.9 4000");
    assert!(mapped.starts_with("X_ERR X_INIT refused: "), "the mapped form was accepted: {mapped}");
    release(&mut relay, ALICE, "9.9.9.9:4000");
    assert!(!may_name(&mut relay, ALICE, "9.9.9.9 4000"));
}

#[test]
fn allocation_keeps_the_other_checks() {
    let mut relay = two();
    relay.connect(CAROL);
    allocate(&mut relay, CAROL, "9.9.9.9:4000");
    assert_eq!(
        relay.ask(CAROL, "X_INIT bob 9.9.9.9 4000"),
        "X_ERR X_INIT X_NICK must come first\n"
    );
    relay.ask(CAROL, "X_NICK carol");
    assert_eq!(
        relay.ask(CAROL, "X_INIT nobody 9.9.9.9 4000"),
        "X_ERR X_INIT no such nick: nobody\n"
    );
}
