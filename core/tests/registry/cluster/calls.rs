//! Calls between hosts of two relays (section 23.4).

use std::net::SocketAddr;

use xcher_core::registry::{CloseReason, Report};

use super::super::{ALICE, BOB, CAROL};
use super::*;

fn two() -> Network {
    let mut network = Network::new(2);
    network.register(ONE, ALICE, "alice");
    network.register(TWO, BOB, "bob");
    network
}

#[test]
fn an_x_init_reaches_the_host_of_another_relay_byte_for_byte() {
    let mut network = two();
    network.register(TWO, CAROL, "carol");
    for line in ["X_INIT bob 9.9.0.1 4000\n", "X_INIT BoB 9.9.0.1 04000\r\n"] {
        network.send(ONE, ALICE, line);
        assert_eq!(network.output(TWO, BOB), line);
        assert_eq!(network.output(ONE, ALICE), "");
    }
    assert_eq!(network.output(TWO, CAROL), "");
}

#[test]
fn tickets_and_the_caller_are_told_across_relays() {
    let mut network = two();
    network.ask(ONE, ALICE, "X_CAPS from ticket");
    network.ask(TWO, BOB, "X_CAPS from ticket");
    let to_caller = network.ask(ONE, ALICE, "X_INIT bob 9.9.0.1 4000");
    let ticket = to_caller.strip_prefix("X_TICKET bob 9.9.0.1 4000 ").unwrap();
    let expected = format!("X_FROM alice\nX_TICKET {ticket}X_INIT bob 9.9.0.1 4000\n");
    assert_eq!(network.output(TWO, BOB), expected);
    assert_ne!(ticket, "-\n");
}

#[test]
fn a_declined_call_is_told_across_relays_once() {
    let words = "X_CAPS from ticket decline";
    for (caller, told) in [(words, true), ("X_CAPS from ticket", false)] {
        let mut network = two();
        network.register(TWO, CAROL, "carol");
        network.ask(ONE, ALICE, caller);
        network.ask(TWO, BOB, words);
        network.ask(TWO, CAROL, words);
        let to_caller = network.ask(ONE, ALICE, "X_INIT bob 9.9.0.1 4000");
        let ticket = to_caller.strip_prefix("X_TICKET bob 9.9.0.1 4000 ").unwrap();
        let decline = format!("X_DECLINE {ticket}");
        network.send(TWO, CAROL, &decline);
        assert_eq!(network.output(ONE, ALICE), "");
        for expected in [if told { &*decline } else { "" }, ""] {
            network.send(TWO, BOB, &decline);
            assert_eq!(network.output(ONE, ALICE), expected);
        }
    }
}

#[test]
fn a_callee_without_tickets_gives_none() {
    let mut network = two();
    network.ask(ONE, ALICE, "X_CAPS from ticket");
    network.ask(TWO, BOB, "X_CAPS from");
    let answer = network.ask(ONE, ALICE, "X_INIT bob 9.9.0.1 4000");
    assert_eq!(answer, "X_TICKET bob 9.9.0.1 4000 -\n");
    assert_eq!(network.output(TWO, BOB), "X_FROM alice\nX_INIT bob 9.9.0.1 4000\n");
}

#[test]
fn the_callers_relay_checks_the_address() {
    let mut network = two();
    let answer = network.ask(ONE, ALICE, "X_INIT bob 8.8.8.8 4000");
    assert!(answer.starts_with("X_ERR X_INIT refused: 8.8.8.8 is not your address"), "{answer}");
    assert_eq!(network.output(TWO, BOB), "");
}

#[test]
fn an_absent_nick_and_a_look_alike_are_told_apart() {
    let mut network = two();
    let answer = network.ask_absent(ONE, ALICE, "X_INIT nobody 9.9.0.1 4000");
    assert_eq!(answer, "X_ERR X_INIT no such nick: nobody\n");
    let answer = network.ask_absent(ONE, ALICE, "X_INIT ʙob 9.9.0.1 4000");
    assert!(answer.starts_with("X_ERR X_INIT no such nick: ʙob"), "{answer}");
    let answer = network.ask(ONE, ALICE, "X_INIT bоb 9.9.0.1 4000");
    assert_eq!(answer, "X_ERR X_INIT no such nick: bоb; the look-alike bob is online\n");
    assert_eq!(network.output(TWO, BOB), "");
}

/// As a host that moves: its new subscription may come to the caller's server after the old one has ended there.
#[test]
fn a_nick_whose_subscription_comes_late_is_called_once() {
    let mut network = two();
    assert_eq!(network.ask(ONE, ALICE, "X_INIT carol 9.9.0.1 4000"), "");
    network.wait(SPREAD_TIME / 2);
    network.register(TWO, CAROL, "carol");
    network.wait(SPREAD_TIME);
    assert_eq!(network.output(ONE, ALICE), "");
    assert_eq!(network.output(TWO, CAROL), "X_INIT carol 9.9.0.1 4000\n");
}

#[test]
fn the_bus_may_break_before_the_second_round() {
    let mut network = two();
    assert_eq!(network.ask(ONE, ALICE, "X_INIT carol 9.9.0.1 4000"), "");
    network.lose_bus(ONE);
    let answer = network.output(ONE, ALICE);
    assert!(answer.starts_with("X_ERR X_INIT carol cannot be reached now"), "{answer}");
    network.wait(SPREAD_TIME);
    assert_eq!(network.output(ONE, ALICE), "");
}

#[test]
fn codes_cost_guesses_that_are_given_back_when_they_are_there() {
    let mut network = Network::new(2);
    network.register(ONE, ALICE, "alice");
    network.register(TWO, BOB, "4821");
    for _ in 0..30 {
        assert_eq!(network.ask(ONE, ALICE, "X_INIT 4821 9.9.0.1 4000"), "");
    }
    let mut absent = 0;
    for code in 1000..1030 {
        let mut answer = network.ask(ONE, ALICE, &format!("X_INIT {code} 9.9.0.1 4000"));
        // Those that are refused are so at once, and time gives allowances back.
        if answer.is_empty() {
            network.wait(SPREAD_TIME);
            answer = network.output(ONE, ALICE);
        }
        absent += usize::from(answer.contains("no such nick"));
    }
    assert_eq!(absent, 10);
    let answer = network.ask(ONE, ALICE, "X_INIT 4821 9.9.0.1 4000");
    assert!(answer.contains("too many calls to absent nicks"), "{answer}");
}

#[test]
fn many_connections_of_one_address_do_not_guess_more_at_once() {
    let mut network = Network::new(2);
    network.register(TWO, BOB, "4821");
    for conn in 100..140 {
        network.connect_from(ONE, ConnId(conn), "8.8.8.8:5");
        network.ask(ONE, ConnId(conn), &format!("X_NICK host-{conn}"));
    }
    network.hold();
    for conn in 100..140 {
        network.send(ONE, ConnId(conn), &format!("X_INIT {} 8.8.8.8 4000\n", 4800 + conn));
    }
    let asked = network.held.iter().filter(|(_, action)| matches!(action, Action::Request { .. }));
    assert_eq!(asked.count(), 10);
    network.release();
}

#[test]
fn without_the_bus_only_local_hosts_are_reached_and_codes_cost_guesses() {
    let mut network = two();
    network.register(ONE, CAROL, "carol");
    network.lose_bus(ONE);
    let answer = network.ask(ONE, ALICE, "X_INIT bob 9.9.0.1 4000");
    assert!(answer.starts_with("X_ERR X_INIT bob cannot be reached now"), "{answer}");
    assert_eq!(network.ask(ONE, ALICE, "X_INIT carol 9.9.0.1 4000"), "");
    assert_eq!(network.output(ONE, CAROL), "X_INIT carol 9.9.0.1 4000\n");
    for code in 1000..1009 {
        let answer = network.ask(ONE, ALICE, &format!("X_INIT {code} 9.9.0.1 4000"));
        assert!(answer.contains("cannot be reached now"), "{answer}");
    }
    let answer = network.ask(ONE, ALICE, "X_INIT 4821 9.9.0.1 4000");
    assert!(answer.contains("too many calls to absent nicks"), "{answer}");
    network.connect_bus(ONE);
    assert_eq!(network.ask(ONE, ALICE, "X_INIT bob 9.9.0.1 4000"), "");
    assert_eq!(network.output(TWO, BOB), "X_INIT bob 9.9.0.1 4000\n");
}

#[test]
fn a_bus_that_breaks_during_a_call_ends_it() {
    let mut network = two();
    network.hold();
    network.send(ONE, ALICE, "X_INIT bob 9.9.0.1 4000\nX_PING 7\n");
    assert_eq!(network.output(ONE, ALICE), "");
    network.drop_held();
    network.lose_bus(ONE);
    let answer = network.output(ONE, ALICE);
    assert!(answer.starts_with("X_ERR X_INIT bob cannot be reached now"), "{answer}");
    assert!(answer.ends_with("\nX_PONG 7\n"), "{answer}");
}

#[test]
fn private_addresses_stay_in_their_site() {
    for (sites, is_forwarded) in [
        ([Some("office"), Some("office")], true),
        ([Some("office"), Some("home")], false),
        ([Some("office"), None], false),
        ([None, None], false),
    ] {
        let mut network = Network::with_sites(&sites, RelayLimits::default());
        network.connect_from(ONE, ALICE, "192.168.1.7:5");
        network.ask(ONE, ALICE, "X_NICK alice");
        network.register(TWO, BOB, "bob");
        let answer = network.ask(ONE, ALICE, "X_INIT bob 192.168.1.8 4000");
        assert_eq!(answer.is_empty(), is_forwarded, "{answer}");
        assert_eq!(!network.output(TWO, BOB).is_empty(), is_forwarded);
        if !is_forwarded {
            let refused = "X_ERR X_INIT refused: bob is not in the network of your address";
            assert!(answer.starts_with(refused), "{answer}");
        }
    }
}

#[test]
fn hosts_behind_one_nat_are_near_across_relays() {
    let mut network = Network::new(2);
    for (at, conn, nick, from) in [
        (ONE, ALICE, "alice", "11.0.0.2:5"),
        (TWO, BOB, "bob", "11.0.0.2:6"),
        (TWO, CAROL, "carol", "11.0.0.3:6"),
    ] {
        network.connect_from(at, conn, from);
        network.ask(at, conn, &format!("X_NICK {nick}"));
        network.ask(at, conn, "X_CAPS from ticket near");
    }
    let answer = network.ask(ONE, ALICE, "X_INIT bob 11.0.0.2 4000");
    assert!(answer.starts_with("X_NEAR\nX_TICKET bob 11.0.0.2 4000 "), "{answer}");
    assert!(!network.output(TWO, BOB).contains("X_NEAR"));
    let answer = network.ask(ONE, ALICE, "X_INIT bob 192.168.1.2 4001");
    assert!(answer.starts_with("X_TICKET bob 192.168.1.2 4001 "), "{answer}");
    let called = network.output(TWO, BOB);
    assert!(called.starts_with("X_FROM alice\nX_NEAR\nX_TICKET "), "{called}");
    assert!(called.ends_with("\nX_INIT bob 192.168.1.2 4001\n"), "{called}");
    let answer = network.ask(ONE, ALICE, "X_INIT carol 192.168.1.2 4001");
    let refused = "X_ERR X_INIT refused: 192.168.1.2 is not your address";
    assert!(answer.starts_with(refused), "{answer}");
    assert_eq!(network.output(TWO, CAROL), "");
    let answer = network.ask(ONE, ALICE, "X_INIT carol 11.0.0.2 4001");
    assert!(answer.starts_with("X_TICKET carol"), "{answer}");
}

#[test]
fn bridges_learn_of_calls_before_their_clients_can_act_on_them() {
    let mut network = two();
    let at: SocketAddr = "1.1.1.1:4000".parse().unwrap();
    network.input(ONE, Input::Bridged { conn: ALICE });
    network.input(TWO, Input::Bridged { conn: BOB });
    network.input(ONE, Input::Allocated { conn: ALICE, at });
    network.hold();
    network.send(ONE, ALICE, "X_INIT bob 1.1.1.1 4000\n");
    let named = |callee| (ALICE, Report::Named { at, callee });
    assert_eq!(network.relays[ONE].reports, [named(None)], "before the callee can connect");
    network.release();
    let callee = Some([9, 9, 1, 2].into());
    assert_eq!(network.relays[ONE].reports, [named(None), named(callee)]);
    assert_eq!(network.relays[TWO].reports, [(BOB, Report::Called { at })]);
    // An address that is private, and not certainly the caller's, is not vouched for.
    assert_eq!(network.output(TWO, BOB), "X_INIT bob 1.1.1.1 4000\n");
}

#[test]
fn a_callee_that_does_not_read_is_closed_and_the_caller_told() {
    let limits = RelayLimits { unsent: 300, ..RelayLimits::default() };
    let mut network = Network::with_limits(2, limits);
    network.register(ONE, ALICE, "alice");
    network.register(TWO, BOB, "bob");
    network.relays[TWO].sends_at_once = false;
    let mut answer = String::new();
    for _ in 0..20 {
        answer = network.ask(ONE, ALICE, "X_INIT bob 9.9.0.1 4000");
        if !answer.is_empty() {
            break;
        }
    }
    assert_eq!(answer, "X_ERR X_INIT bob does not read and was disconnected\n");
    assert_eq!(network.relays[TWO].closed(BOB), Some(CloseReason::NotReading));
}
