//! A nick is one host's in the whole cluster (section 23.3).

use xcher_core::registry::{Answer, CloseReason, Subject};

use super::super::{ALICE, BOB, CAROL};
use super::*;

#[test]
fn a_nick_is_refused_at_every_relay_while_one_has_it() {
    let mut network = Network::new(3);
    network.register(ONE, ALICE, "Kim");
    for (at, nick) in [(TWO, "Kim"), (TWO, "kim"), (THREE, "kіm"), (THREE, "ｋｉｍ"), (ONE, "KIM")]
    {
        let conn = ConnId(90 + nick.len() as u64 * 3 + at as u64);
        network.connect_from(at, conn, "9.9.9.9:5");
        assert_eq!(network.ask(at, conn, &format!("X_NICK {nick}")), format!("X_NICK {nick} NO\n"));
        assert_eq!(network.ask(at, conn, "X_NICK kimono"), "X_NICK kimono YES\n");
        network.input(at, Input::Closed { conn });
    }
    network.input(ONE, Input::Closed { conn: ALICE });
    network.register(TWO, BOB, "kim");
}

#[test]
fn the_nicks_of_a_relay_that_is_killed_are_free() {
    let mut network = Network::new(2);
    network.register(ONE, ALICE, "kim");
    network.register(ONE, BOB, "4821");
    network.kill(ONE);
    network.register(TWO, ALICE, "kim");
    network.register(TWO, BOB, "4821");
}

#[test]
fn a_nick_of_digits_and_its_look_alikes_do_not_meet() {
    let mut network = Network::new(3);
    network.register(ONE, ALICE, "4821");
    network.register(TWO, BOB, "４８２１");
    network.register(THREE, CAROL, "amy");
    network.connect_from(TWO, CAROL, "9.9.9.9:5");
    assert_eq!(network.ask(TWO, CAROL, "X_NICK 4821"), "X_NICK 4821 NO\n");
    assert_eq!(network.ask(THREE, CAROL, "X_INIT 4821 9.9.2.3 4000"), "");
    assert_eq!(network.output(ONE, ALICE), "X_INIT 4821 9.9.2.3 4000\n");
    assert_eq!(network.output(TWO, BOB), "");
}

#[test]
fn of_two_relays_that_claim_at_once_the_earlier_wins() {
    let mut network = Network::new(2);
    network.hold();
    network.connect_from(ONE, ALICE, "9.9.9.9:5");
    network.connect_from(TWO, BOB, "9.9.9.8:5");
    network.send(TWO, BOB, "X_NICK kim\n");
    network.now += Duration::from_millis(2);
    network.set_now(network.now);
    network.send(ONE, ALICE, "X_NICK Kim\n");
    // Each subscribes before the other asks.
    network
        .held
        .make_contiguous()
        .sort_by_key(|(_, action)| !matches!(action, Action::Subscribe(_)));
    network.release();
    assert_eq!(network.output(TWO, BOB), "X_NICK kim YES\n");
    assert_eq!(network.output(ONE, ALICE), "X_NICK Kim NO\n");
}

#[test]
fn two_that_claim_in_one_millisecond_are_ordered_by_their_relays() {
    let mut network = Network::new(2);
    network.hold();
    for (at, conn) in [(TWO, BOB), (ONE, ALICE)] {
        network.connect_from(at, conn, "9.9.9.9:5");
        network.send(at, conn, "X_NICK kim\n");
    }
    network
        .held
        .make_contiguous()
        .sort_by_key(|(_, action)| !matches!(action, Action::Subscribe(_)));
    network.release();
    assert_eq!(network.output(ONE, ALICE), "X_NICK kim YES\n");
    assert_eq!(network.output(TWO, BOB), "X_NICK kim NO\n");
}

#[test]
fn without_the_bus_nicks_are_given_and_the_elder_keeps_them() {
    let mut network = Network::new(2);
    network.lose_bus(ONE);
    network.lose_bus(TWO);
    network.register(TWO, BOB, "kim");
    network.wait(seconds(1));
    network.register(ONE, ALICE, "Kim");
    network.register(ONE, CAROL, "carol");
    network.connect_bus(ONE);
    assert_eq!(network.nick(ONE, ALICE), Some("Kim"), "nobody else is there");
    network.connect_bus(TWO);
    assert_eq!(network.nick(ONE, ALICE), None);
    assert_eq!(network.relays[ONE].closed(ALICE), Some(CloseReason::NickLost));
    let told = network.output(ONE, ALICE);
    assert!(told.starts_with("X_ERR - your nick is another host's in this network"), "{told}");
    assert_eq!(network.nick(TWO, BOB), Some("kim"));
    assert_eq!(network.nick(ONE, CAROL), Some("carol"));
    assert_eq!(network.output(TWO, BOB), "");
}

#[test]
fn a_split_that_heals_leaves_the_nick_to_the_elder_within_a_heartbeat() {
    for length in [1, 2, 3, 4, 5, 6, 14, 40, 3000] {
        let mut network = Network::new(3);
        network.wait(seconds(60));
        network.split(ONE, TWO);
        network.register(TWO, BOB, "kim");
        network.wait(seconds(1));
        network.register(ONE, ALICE, "kim");
        network.relays[ONE].sends_at_once = true;
        // Both are alive.
        for _ in 0..length {
            network.wait(seconds(1));
            for (at, conn) in [(ONE, ALICE), (TWO, BOB)] {
                let output = network.output(at, conn);
                if let Some(token) = output.trim().strip_prefix("X_PING ") {
                    network.send(at, conn, &format!("X_PONG {token}\n"));
                }
            }
        }
        assert_eq!(network.nick(ONE, ALICE), Some("kim"));
        network.heal();
        network.wait(seconds(4));
        assert_eq!(network.nick(ONE, ALICE), None, "after {length} s");
        assert_eq!(network.nick(TWO, BOB), Some("kim"), "after {length} s");
    }
}

#[test]
fn a_no_that_comes_too_late_is_followed_by_a_claim_of_the_elder() {
    let mut network = Network::new(2);
    network.register(TWO, BOB, "kim");
    network.wait(seconds(25));
    // Between two heartbeats, so that the elder's relay notices nothing.
    network.split(ONE, TWO);
    network.register(ONE, ALICE, "kim");
    network.heal();
    network.loses_no = true;
    network.wait(seconds(2));
    assert_eq!(network.nick(ONE, ALICE), None);
    assert_eq!(network.nick(TWO, BOB), Some("kim"));
}

#[test]
fn of_three_hosts_with_one_nick_the_eldest_keeps_it() {
    let mut network = Network::new(3);
    network.wait(seconds(60));
    for (one, other) in [(ONE, TWO), (ONE, THREE), (TWO, THREE)] {
        network.split(one, other);
    }
    for (at, conn) in [(THREE, CAROL), (ONE, ALICE), (TWO, BOB)] {
        network.register(at, conn, "kim");
        network.wait(seconds(2));
    }
    network.wait(seconds(8));
    network.heal();
    network.wait(seconds(5));
    assert_eq!(network.nick(THREE, CAROL), Some("kim"));
    assert_eq!((network.nick(ONE, ALICE), network.nick(TWO, BOB)), (None, None));
}

#[test]
fn a_claim_that_nobody_answers_is_granted_and_made_again() {
    let mut network = Network::new(2);
    network.register(ONE, ALICE, "kim");
    network.hold();
    network.connect_from(TWO, BOB, "9.9.9.9:5");
    network.send(TWO, BOB, "X_NICK kim\n");
    let lost = network.held.iter().filter_map(|(_, action)| match action {
        Action::Request { id, timeout, .. } => Some((*id, *timeout)),
        _ => None,
    });
    let lost: Vec<_> = lost.collect();
    assert!(lost.iter().all(|(_, timeout)| *timeout == seconds(2)));
    network.drop_held();
    for (request, _) in lost {
        network.input(TWO, Input::Answered { request, answer: Answer::Failed });
    }
    assert_eq!(network.output(TWO, BOB), "X_NICK kim YES\n");
    network.wait(seconds(5));
    assert_eq!(network.nick(TWO, BOB), None);
    assert_eq!(network.nick(ONE, ALICE), Some("kim"));
}

#[test]
fn a_client_that_left_while_its_nick_was_claimed_leaves_nothing() {
    let mut network = Network::new(2);
    network.hold();
    network.connect_from(ONE, ALICE, "9.9.9.9:5");
    network.send(ONE, ALICE, "X_NICK kim\n");
    network.input(ONE, Input::Closed { conn: ALICE });
    network.release();
    assert!(network.subscriptions[ONE].iter().all(|subject| !matches!(subject, Subject::Nick(_))));
    network.register(TWO, BOB, "kim");
}

#[test]
fn at_most_512_renewals_are_under_way() {
    let limits = RelayLimits { per_address: 5000, ..RelayLimits::default() };
    let mut network = Network::with_limits(2, limits);
    network.lose_bus(ONE);
    for conn in 0..2000 {
        network.relays[ONE].connect_from(ConnId(conn), "9.9.9.9:5");
        network.send(ONE, ConnId(conn), &format!("X_NICK host-{conn}\n"));
    }
    network.connected[ONE] = true;
    network.hold();
    network.input(ONE, Input::BusConnected);
    let is_claim = |action: &Action| matches!(action, Action::Request { .. });
    let claims = network.held.iter().filter(|(_, action)| is_claim(action)).count();
    assert!((512..=1536).contains(&claims), "{claims}");
    network.release();
    network.wait(seconds(1));
    let none = network.relays[ONE].registry.next_deadline().unwrap();
    assert!(none > network.now, "all were renewed");
    for conn in 0..2000 {
        assert!(network.nick(ONE, ConnId(conn)).is_some());
    }
}
