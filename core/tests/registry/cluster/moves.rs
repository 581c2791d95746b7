//! Hosts that move from a relay that drains to another one of its cluster (sections 5.9, 23.3 and 23.4).

use xcher_core::registry::Subject;

use super::super::keys::{Host, host_key};
use super::super::{ALICE, BOB, CAROL};
use super::hosts::connect;
use super::*;

const DAVE: ConnId = ConnId(4);

/// A network whose first relay has asked alice to move.
fn asked(relays: usize) -> Network {
    let mut network = Network::new(relays);
    let alice = connect(&mut network, ONE, Host::new(&["alice"], Some(1), ALICE));
    assert_eq!(alice.nick(), Some("alice"));
    network.input(ONE, Input::Drain { within: seconds(30) });
    assert_eq!(network.output(ONE, ALICE), "X_MOVE 30\n");
    network
}

fn nick_subjects(network: &Network, at: usize) -> usize {
    let is_nick = |subject: &&Subject| matches!(subject, Subject::Nick(_));
    network.subscriptions[at].iter().filter(is_nick).count()
}

#[test]
fn a_host_that_was_asked_to_move_has_its_nick_there_at_once_and_its_old_connection_stays() {
    let mut network = asked(3);
    let moved = connect(&mut network, TWO, Host::new(&["alice"], Some(1), BOB));
    assert_eq!(moved.nick(), Some("alice"));
    assert_eq!(network.output(ONE, ALICE), "", "it was not asked for a sign of life");
    assert_eq!((network.relays[ONE].closed(ALICE), nick_subjects(&network, ONE)), (None, 0));
    // Calls come over the new connection, also those of hosts of the relay that drains.
    network.register(THREE, CAROL, "carol");
    network.register(ONE, CAROL, "carl");
    for (at, port) in [(THREE, 4000), (ONE, 4001), (TWO, 4002)] {
        let caller = if at == TWO { BOB } else { CAROL };
        let init = format!("X_INIT alice 9.9.{at}.3 {port}\n");
        network.send(at, caller, &init);
        if at != TWO {
            assert!(network.output(TWO, BOB).ends_with(&init), "of relay {at}");
        }
    }
    // The old one calls on, by the same nick.
    let answer = network.ask(ONE, ALICE, "X_INIT carol 127.0.0.1 4003");
    assert!(answer.starts_with("X_ERR X_INIT refused: carol is not in the network"), "{answer}");
    assert_eq!(network.ask(ONE, ALICE, "X_PING 1"), "X_PONG 1\n");
    // Its end takes nothing from the new one.
    network.send(ONE, ALICE, "X_END\n");
    network.wait(seconds(8));
    assert_eq!((network.nick(TWO, BOB), nick_subjects(&network, TWO)), (Some("alice"), 1));
    assert_eq!(network.relays[TWO].closed(BOB), None);
    assert_eq!(network.nick(ONE, ALICE), None);
}

/// A claim of the old relay was on its way when the nick moved, and its clock is ahead.
#[test]
fn the_new_connection_is_the_younger_one_whatever_the_clocks_say() {
    let mut network = asked(1);
    let stamp = (network.epoch + network.now).as_millis();
    network.epoch -= seconds(10);
    network.add(None);
    let moved = connect(&mut network, TWO, Host::new(&["alice"], Some(1), BOB));
    assert_eq!(moved.nick(), Some("alice"));
    let claim = format!("X_CLAIM 0101010101010101 {stamp} held {} alice", host_key(1));
    let (reply, bytes) = (ReplyId(1000), claim.as_bytes());
    network.relays[TWO].handle(Input::Requested { reply, bytes });
    let no = Action::Reply { to: reply, bytes: b"NO".to_vec() };
    assert!(network.relays[TWO].bus.contains(&no), "{:?}", network.relays[TWO].bus);
    assert_eq!(network.nick(TWO, BOB), Some("alice"));
}

#[test]
fn no_other_host_gets_the_nick_of_one_that_was_asked_to_move() {
    for key in [None, Some(2)] {
        let mut network = asked(2);
        let thief = connect(&mut network, TWO, Host::new(&["alice", "other"], key, BOB));
        assert_eq!(thief.nick(), Some("other"), "key {key:?}");
        assert_eq!(network.nick(ONE, ALICE), Some("alice"));
        network.send(TWO, BOB, "X_INIT alice 9.9.9.9 4000\n");
        assert_eq!((network.output(ONE, ALICE), nick_subjects(&network, ONE)), (String::new(), 1));
        assert_eq!(network.relays[ONE].closed(ALICE), None);
    }
}

#[test]
fn without_a_key_a_host_leaves_before_it_has_its_nick_elsewhere() {
    let mut network = Network::new(2);
    let _alice = connect(&mut network, ONE, Host::new(&["alice"], None, ALICE));
    network.input(ONE, Input::Drain { within: seconds(30) });
    let again = connect(&mut network, TWO, Host::new(&["alice", "other"], None, BOB));
    assert_eq!(again.nick(), Some("other"));
}

#[test]
fn a_call_waits_while_the_nick_is_on_its_way_and_the_list_has_it() {
    let mut network = asked(3);
    network.register(TWO, CAROL, "carl");
    network.register(THREE, CAROL, "carol");
    network.register(THREE, DAVE, "dave");
    network.hold();
    let mut moving = Host::new(&["alice"], Some(1), BOB).connect(&mut network.relays[TWO]);
    network.release();
    network.hold();
    moving.turn(&mut network.relays[TWO]);
    network.settle();
    // Until the relay that drains has given the nick up, and its answer is on its way.
    let is_answer =
        |(at, action): &(usize, Action)| *at == ONE && matches!(action, Action::Reply { .. });
    while !network.held.front().is_some_and(is_answer) {
        let (at, action) = network.held.pop_front().expect("the answer");
        network.carry(at, action);
        network.settle();
    }
    let answer = network.held.pop_front().unwrap();
    for at in [TWO, THREE] {
        network.send(at, CAROL, &format!("X_INIT alice 9.9.{at}.3 4000\nX_PING 1\n"));
    }
    network.send(THREE, DAVE, "X_WHO 10\n");
    network.release();
    assert_eq!((network.output(TWO, CAROL), network.output(THREE, CAROL)), Default::default());
    let all = "X_WHO alice\nX_WHO carl\nX_WHO carol\nX_WHO dave\nX_WHO EOF\n";
    assert_eq!(network.output(THREE, DAVE), all);
    network.held.push_back(answer);
    network.release();
    let came = network.output(TWO, BOB);
    let calls = "X_FROM carl\nX_INIT alice 9.9.1.3 4000\nX_FROM carol\nX_INIT alice 9.9.2.3 4000\n";
    assert!(came.contains(calls) && came.contains("X_NICK alice YES\n"), "{came}");
    for at in [TWO, THREE] {
        assert_eq!(network.output(at, CAROL), "X_PONG 1\n", "relay {at}");
    }
}

/// It was sent before the nick came to the other relay.
#[test]
fn a_late_call_reaches_the_old_connection() {
    let mut network = asked(2);
    let _moved = connect(&mut network, TWO, Host::new(&["alice"], Some(1), BOB));
    let bytes = b"X_CALL 00000000000000aa-1 carol 9.9.9.9 - own,named\nX_INIT Alice 9.9.9.9 4000\n";
    network.relays[ONE].handle(Input::Requested { reply: ReplyId(1000), bytes });
    assert_eq!(network.output(ONE, ALICE), "X_FROM carol\nX_INIT Alice 9.9.9.9 4000\n");
    let [Action::Reply { bytes: answer, .. }] = &network.relays[ONE].bus[..] else { panic!() };
    assert!(answer.starts_with(b"YES "));
    // Once it has left, the relay where it is answers first.
    network.relays[ONE].bus.clear();
    network.send(ONE, ALICE, "X_END\n");
    network.relays[ONE].handle(Input::Requested { reply: ReplyId(1001), bytes });
    assert_eq!(network.relays[ONE].bus, []);
    network.relays[ONE].wait(Duration::from_millis(999));
    assert_eq!(network.relays[ONE].bus, []);
    network.relays[ONE].wait(Duration::from_millis(1));
    let [Action::Reply { bytes: answer, .. }] = &network.relays[ONE].bus[..] else { panic!() };
    assert_eq!(answer, b"ABSENT -");
}

#[test]
fn a_host_that_asks_for_a_taken_nick_does_not_make_its_holder_absent() {
    let mut network = Network::new(3);
    network.register(TWO, ALICE, "alice");
    network.register(THREE, CAROL, "carol");
    network.hold();
    network.connect_from(ONE, BOB, "9.9.9.9:5");
    network.send(ONE, BOB, "X_NICK alice\n");
    network.send(THREE, CAROL, "X_INIT alice 9.9.2.3 4000\nX_PING 1\n");
    network.release();
    assert_eq!(network.output(ONE, BOB), "X_NICK alice NO\n");
    assert_eq!(network.output(TWO, ALICE), "X_INIT alice 9.9.2.3 4000\n");
    assert_eq!(network.output(THREE, CAROL), "X_PONG 1\n");
}

#[test]
fn more_early_calls_than_are_kept_are_answered_at_once() {
    let mut network = Network::new(1);
    for call in 0..257 {
        let bytes = format!(
            "X_CALL 00000000000000aa-1 carol 9.9.9.9 - own,named\nX_INIT kim 9.9.9.9 {}\n",
            4000 + call
        );
        let (reply, bytes) = (ReplyId(call), bytes.as_bytes());
        network.relays[ONE].bus.clear();
        network.relays[ONE].handle(Input::Requested { reply, bytes });
        assert_eq!(network.relays[ONE].bus.is_empty(), call < 256, "call {call}");
    }
}
