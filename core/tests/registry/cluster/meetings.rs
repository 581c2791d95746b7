//! Hole punching between hosts of two relays (section 23.5).

use xcher_core::registry::CloseReason;

use super::super::{ALICE, BOB, CAROL};
use super::*;

const ALL: &str = "from ticket meet";
const OF_ALICE: ConnId = ConnId(11);
const OF_BOB: ConnId = ConnId(12);
const NOBODY: &str = "X_ERR X_MEET the other host did not come\n";

fn two() -> Network {
    let limits = RelayLimits { silence_timeout: seconds(10_000), ..RelayLimits::default() };
    let mut network = Network::with_limits(2, limits);
    for (at, conn, nick) in [(ONE, ALICE, "alice"), (TWO, BOB, "bob")] {
        network.register(at, conn, nick);
        network.ask(at, conn, &format!("X_CAPS {ALL}"));
    }
    network
}

/// Lets Alice ask for a meeting with Bob, and returns their invitations.
fn invite(network: &mut Network) -> [String; 2] {
    let answer = network.ask(ONE, ALICE, "X_MEET bob");
    let fields = answer.strip_prefix("X_MEET bob ").and_then(|rest| rest.strip_suffix(" 9247\n"));
    let of_alice = fields.unwrap_or_else(|| panic!("{answer}")).to_owned();
    let told = network.output(TWO, BOB);
    let fields = told.strip_prefix("X_FROM alice\nX_MEET ").and_then(|t| t.strip_suffix(" 9247\n"));
    [of_alice, fields.unwrap_or_else(|| panic!("{told}")).to_owned()]
}

#[test]
fn an_end_that_overtakes_the_answer_ends_the_meeting() {
    let mut network = two();
    network.hold();
    network.send(ONE, ALICE, "X_MEET bob\n");
    let (at, request) = network.held.pop_front().unwrap();
    network.carry(at, request);
    network.input(TWO, Input::Closed { conn: BOB });
    let is_answer = |(_, action): &(usize, Action)| matches!(action, Action::Reply { .. });
    network.held.make_contiguous().sort_by_key(is_answer);
    network.release();
    let told = network.output(ONE, ALICE);
    let expected = "X_ERR X_MEET bob cannot be met now: the invitation has ended; try again\n";
    assert_eq!(told, expected);
}

fn arrive(network: &mut Network, at: usize, conn: ConnId, from: &str, invitation: &str) -> String {
    network.connect_from(at, conn, from);
    network.ask(at, conn, &format!("X_MEET {invitation}"))
}

#[test]
fn each_gets_the_others_address_from_its_own_relay() {
    for first in [ONE, TWO] {
        let mut network = two();
        let [of_alice, of_bob] = invite(&mut network);
        let mut both =
            [(ONE, OF_ALICE, "9.9.0.1:40002", of_alice), (TWO, OF_BOB, "9.9.1.2:61000", of_bob)];
        if first == TWO {
            both.reverse();
        }
        for (at, conn, from, invitation) in &both {
            network.connect_from(*at, *conn, from);
            network.send(*at, *conn, &format!("X_MEET {invitation}\n"));
        }
        let [to_alice, to_bob] =
            [(ONE, OF_ALICE), (TWO, OF_BOB)].map(|(at, conn)| network.output(at, conn));
        let to_alice =
            to_alice.strip_prefix("X_MEET 9.9.1.2 61000 ").unwrap_or_else(|| panic!("{to_alice}"));
        let to_bob =
            to_bob.strip_prefix("X_MEET 9.9.0.1 40002 ").unwrap_or_else(|| panic!("{to_bob}"));
        assert_eq!(to_alice, to_bob);
        network.wait(seconds(10));
        assert_eq!(network.relays[ONE].closed(OF_ALICE), Some(CloseReason::Met));
        assert_eq!(network.relays[TWO].closed(OF_BOB), Some(CloseReason::Met));
    }
}

#[test]
fn an_invitation_is_for_its_host_alone_and_once() {
    let mut network = two();
    let [of_alice, of_bob] = invite(&mut network);
    for (number, (at, from, invitation)) in [
        (ONE, "9.9.1.2:1", &of_bob),
        (TWO, "9.9.0.1:1", &of_alice),
        (ONE, "8.8.8.8:1", &of_alice),
        (TWO, "8.8.8.8:1", &of_bob),
        (TWO, "0.0.0.0:1", &of_alice),
    ]
    .into_iter()
    .enumerate()
    {
        let conn = ConnId(100 + number as u64);
        let answer = arrive(&mut network, at, conn, from, invitation);
        assert!(answer.starts_with("X_ERR X_MEET no such invitation"), "{answer}");
    }
    assert_eq!(arrive(&mut network, TWO, OF_BOB, "9.9.1.2:1", &of_bob), "");
    let answer = arrive(&mut network, TWO, ConnId(200), "9.9.1.2:2", &of_bob);
    assert!(answer.starts_with("X_ERR X_MEET no such invitation"), "{answer}");
}

#[test]
fn whoever_waits_is_released_when_the_other_cannot_come() {
    // The caller leaves, and its half with it.
    let mut network = two();
    let [_, of_bob] = invite(&mut network);
    arrive(&mut network, TWO, OF_BOB, "9.9.1.2:1", &of_bob);
    network.input(ONE, Input::Closed { conn: ALICE });
    network.wait(seconds(0));
    assert_eq!(network.output(TWO, OF_BOB), NOBODY);
    // The callee leaves.
    let mut network = two();
    let [of_alice, _] = invite(&mut network);
    arrive(&mut network, ONE, OF_ALICE, "9.9.0.1:1", &of_alice);
    network.input(TWO, Input::Closed { conn: BOB });
    network.wait(seconds(0));
    assert_eq!(network.output(ONE, OF_ALICE), NOBODY);
    // The bus is lost: the time of the invitation ends the wait.
    let mut network = two();
    let [of_alice, of_bob] = invite(&mut network);
    network.split(ONE, TWO);
    arrive(&mut network, ONE, OF_ALICE, "9.9.0.1:1", &of_alice);
    arrive(&mut network, TWO, OF_BOB, "9.9.1.2:1", &of_bob);
    network.wait(seconds(61));
    assert_eq!(network.output(ONE, OF_ALICE), NOBODY);
    assert_eq!(network.output(TWO, OF_BOB), NOBODY);
}

#[test]
fn addresses_of_two_families_end_it_on_both_sides() {
    let mut network = two();
    network.connect_from(TWO, CAROL, "[2a00::7]:5");
    network.ask(TWO, CAROL, "X_NICK carol");
    network.ask(TWO, CAROL, &format!("X_CAPS {ALL}"));
    let answer = network.ask(ONE, ALICE, "X_MEET carol");
    let of_alice = answer.split(' ').nth(2).unwrap().to_owned();
    let told = network.output(TWO, CAROL);
    let of_carol = told.split(' ').nth(2).unwrap().to_owned();
    network.connect_from(ONE, OF_ALICE, "9.9.0.1:1");
    network.send(ONE, OF_ALICE, &format!("X_MEET {of_alice}\n"));
    arrive(&mut network, TWO, OF_BOB, "[2a00::7]:1", &of_carol);
    for (at, conn) in [(ONE, OF_ALICE), (TWO, OF_BOB)] {
        assert_eq!(network.relays[at].closed(conn), Some(CloseReason::NotMet), "at {at}");
    }
}

#[test]
fn refusals_are_as_at_one_relay() {
    let mut network = two();
    network.register(TWO, CAROL, "carol");
    assert_eq!(
        network.ask(ONE, ALICE, "X_MEET carol"),
        "X_ERR X_MEET carol does not support hole punching\n"
    );
    assert_eq!(
        network.ask_absent(ONE, ALICE, "X_MEET nobody"),
        "X_ERR X_MEET no such nick: nobody\n"
    );
    for _ in 0..4 {
        invite(&mut network);
    }
    let answer = network.ask(ONE, ALICE, "X_MEET bob");
    assert!(answer.starts_with("X_ERR X_MEET too many of your X_MEETs wait"), "{answer}");
    network.wait(seconds(61));
    network.lose_bus(ONE);
    let answer = network.ask(ONE, ALICE, "X_MEET bob");
    assert!(answer.starts_with("X_ERR X_MEET bob cannot be reached now"), "{answer}");
    network.connect_bus(ONE);
    invite(&mut network);
}

#[test]
fn refused_meetings_leave_nothing() {
    let mut network = two();
    for number in 0..8 {
        let answer = network.ask_absent(ONE, ALICE, &format!("X_MEET nobody-{number}"));
        assert!(answer.contains("no such nick"), "{answer}");
    }
    invite(&mut network);
}

#[test]
fn made_up_progress_of_meetings_has_no_effect() {
    let mut network = two();
    let [of_alice, _] = invite(&mut network);
    arrive(&mut network, ONE, OF_ALICE, "9.9.0.1:1", &of_alice);
    let ticket = "AAECAwQFBgcICQoLDA0ODw==";
    for meeting in 0..100 {
        for relay in [1, 2] {
            let meeting = format!("{}-{meeting}", RelayId([relay; 8]));
            for text in [
                format!("X_MET {meeting} BOTH 9.9.9.9 1 {ticket}"),
                format!("X_MET {meeting} HERE 0303030303030303 9.9.9.9 1"),
                format!("X_MET {meeting} HERE 0202020202020202 9.9.9.9 0"),
                format!("X_MET {meeting} BOTH 9.9.9.9 1 ticket"),
                format!("X_MET {meeting} END END"),
            ] {
                network.input(ONE, Input::Published { bytes: text.as_bytes() });
            }
        }
    }
    assert_eq!(network.output(ONE, OF_ALICE), "");
    assert_eq!(network.relays[ONE].closed(OF_ALICE), None);
}
