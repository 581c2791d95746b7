//! A relay that is about to stop (section 5.9).

use super::{ALICE, BOB, CAROL, Relay, relay, seconds};
use xcher_core::registry::{ConnId, Input};

fn drain(relay: &mut Relay, within: u64) {
    relay.handle(Input::Drain { within: seconds(within) });
}

/// A host that knows the packet.
fn register(relay: &mut Relay, conn: ConnId, nick: &str) {
    relay.register(conn, nick);
    assert!(relay.ask(conn, "X_CAPS from move").starts_with("X_CAPS "));
}

#[test]
fn hosts_that_can_move_are_asked_once_and_others_are_told_nothing() {
    let mut relay = relay();
    register(&mut relay, ALICE, "alice");
    relay.register(BOB, "bob");
    relay.register(CAROL, "carol");
    assert!(relay.ask(CAROL, "X_CAPS from ticket").contains(" move"));
    assert!(!relay.registry.is_drained(relay.now), "it does not drain");
    drain(&mut relay, 30);
    drain(&mut relay, 90);
    relay.wait(seconds(29));
    assert_eq!(relay.output(ALICE), "X_MOVE 30\n");
    assert_eq!((relay.output(BOB), relay.output(CAROL)), (String::new(), String::new()));
    // Those who stay are served.
    assert_eq!(relay.ask(BOB, "X_INIT carol 127.0.0.1 4000"), "");
    assert!(relay.output(CAROL).contains("X_INIT carol 127.0.0.1 4000\n"));
    relay.handle(Input::Stop);
    assert_eq!((relay.output(ALICE), relay.output(BOB)), ("X_END\n".into(), "X_END\n".into()));
}

#[test]
fn it_is_drained_when_those_who_were_asked_have_left_or_could_not() {
    let mut one = relay();
    register(&mut one, ALICE, "alice");
    one.register(BOB, "bob");
    drain(&mut one, 30);
    assert!(!one.registry.is_drained(one.now), "alice was asked");
    assert_eq!(one.ask(ALICE, "X_END"), "X_MOVE 30\n");
    assert!(one.registry.is_drained(one.now), "bob cannot move");

    let mut stuck = relay();
    register(&mut stuck, ALICE, "alice");
    drain(&mut stuck, 30);
    stuck.wait(seconds(4));
    assert!(!stuck.registry.is_drained(stuck.now));
    stuck.wait(seconds(1));
    assert!(stuck.registry.is_drained(stuck.now), "alice did not move");

    let mut short = relay();
    register(&mut short, ALICE, "alice");
    drain(&mut short, 1);
    short.wait(seconds(1));
    assert!(short.registry.is_drained(short.now), "its time is over");
}

#[test]
fn a_host_that_was_still_logging_in_is_asked_too() {
    let mut relay = relay();
    relay.connect(ALICE);
    drain(&mut relay, 30);
    relay.wait(seconds(2));
    assert_eq!(relay.ask(ALICE, "X_NICK alice"), "X_NICK alice YES\n");
    assert!(relay.ask(ALICE, "X_CAPS move").starts_with("X_CAPS "));
    relay.wait(seconds(2));
    let asked = relay.output(ALICE);
    assert!(asked.starts_with("X_MOVE 2"), "{asked}");
}

/// Hosts do not all come to the next relay at once, and all are asked in the first half of the time.
#[test]
fn many_hosts_are_asked_one_after_the_other() {
    for (hosts, within, at_once) in [(200, 60, 25), (200, 1, 25), (250, 0, 250)] {
        let mut relay = relay();
        for host in 1..=hosts {
            register(&mut relay, ConnId(host), &format!("host{host}"));
        }
        drain(&mut relay, within);
        let asked = |relay: &Relay| relay.written.len();
        assert_eq!(asked(&relay), at_once, "{within} s");
        relay.wait(seconds(within) / 2);
        assert_eq!(asked(&relay), hosts as usize, "{within} s");
    }
}

#[test]
fn no_host_is_invited_to_a_rendezvous_that_leads_to_another_process() {
    let mut relay = Relay::with_port(xcher_core::RelayLimits::default());
    for (conn, nick) in [(ALICE, "alice"), (BOB, "bob")] {
        relay.register(conn, nick);
        relay.ask(conn, "X_CAPS from ticket meet");
    }
    drain(&mut relay, 30);
    let refusal = relay.ask(ALICE, "X_MEET bob");
    assert!(refusal.starts_with("X_ERR X_MEET "), "{refusal}");
    assert_eq!(relay.output(BOB), "");
}

#[test]
fn hosts_cannot_ask_the_relay_to_move() {
    let mut relay = relay();
    register(&mut relay, ALICE, "alice");
    let answer = relay.ask(ALICE, "X_MOVE 30");
    assert!(answer.starts_with("X_ERR X_MOVE "), "{answer}");
}
