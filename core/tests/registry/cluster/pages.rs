//! Pages of the nicks online (sections 5.9 and 23.6).

use super::super::{ALICE, BOB, CAROL, relay, two};
use super::*;

fn nicks(answer: &str) -> Vec<&str> {
    let list = answer.strip_suffix("X_WHO EOF\n").unwrap_or_else(|| panic!("{answer}"));
    list.lines().map(|line| line.strip_prefix("X_WHO ").unwrap()).collect()
}

#[test]
fn a_relay_alone_has_pages_too() {
    let mut relay = two();
    relay.register(CAROL, "4821");
    for (line, expected) in [
        ("X_WHO 2", &["alice", "bob"][..]),
        ("X_WHO 1", &["alice"]),
        ("X_WHO 1000 /", &["alice", "bob"]),
        ("X_WHO 2 / alice", &["bob"]),
        ("X_WHO 2 / bob", &[]),
        ("X_WHO 9 al", &["alice"]),
        ("X_WHO 9 al alice", &[]),
        ("X_WHO 9 b a", &["bob"]),
        ("X_WHO 9 bob", &["bob"]),
        ("X_WHO 9 48", &[]),
    ] {
        assert_eq!(nicks(&relay.ask(ALICE, line)), expected, "{line}");
    }
}

#[test]
fn a_page_is_checked_and_has_a_price() {
    let mut relay = relay();
    relay.register(ALICE, "alice");
    for line in ["X_WHO 0", "X_WHO 1001", "X_WHO 18446744073709551615 /"] {
        let answer = relay.ask(ALICE, line);
        assert_eq!(answer, "X_ERR X_WHO expected X_WHO with a count from 1 to 1000\n");
    }
    let answer = relay.ask(ALICE, &format!("X_WHO 1 {}", "x".repeat(129)));
    assert!(answer.starts_with("X_ERR X_WHO expected"), "{answer}");
    let answer = relay.ask(ALICE, "X_WHO one");
    assert!(answer.starts_with("X_ERR X_WHO expected X_WHO or X_WHO count"), "{answer}");
    let mut relay =
        Relay::new(RelayLimits { answer_bytes_per_minute: 70_000, ..RelayLimits::default() });
    relay.register(ALICE, "alice");
    assert_eq!(nicks(&relay.ask(ALICE, "X_WHO 1000")), ["alice"]);
    assert_eq!(nicks(&relay.ask(ALICE, "X_WHO 1000")), ["alice"]);
    let answer = relay.ask(ALICE, "X_WHO 1000");
    assert!(answer.starts_with("X_ERR X_WHO too many answers to your address"), "{answer}");
}

#[test]
fn a_page_does_not_come_into_a_list() {
    let mut relay = Relay::new(RelayLimits { per_address: 30_000, ..RelayLimits::default() });
    for at in 0..5000 {
        relay.register(ConnId(100 + at), &format!("n{at:05}"));
    }
    relay.connect(ALICE);
    relay.sends_at_once = false;
    relay.send(ALICE, "X_WHO\nX_WHO 3\n");
    let first = relay.output(ALICE);
    assert!(first.ends_with("X_ERR X_WHO the list before it is not sent yet: read that first\n"));
}

#[test]
fn pages_have_the_nicks_of_all_relays_once_and_in_order() {
    let mut network = Network::new(3);
    let limits = RelayLimits { per_address: 3000, ..RelayLimits::default() };
    for at in [ONE, TWO, THREE] {
        network.relays[at].registry.set_limits(limits.clone());
    }
    let mut all = Vec::new();
    for number in 0..2500u64 {
        let nick =
            format!("{}-{number}", ["host", "élan", "a-rather-long-name"][number as usize % 3]);
        network.register((number % 7 % 3) as usize, ConnId(1000 + number), &nick);
        all.push(nick);
    }
    network.register(TWO, CAROL, "4821");
    network.wait(seconds(6));
    all.sort();
    network.connect_from(ONE, ALICE, "8.8.8.8:5");
    for count in [1000, 999, 100] {
        let (mut got, mut after) = (Vec::new(), String::new());
        loop {
            let answer = network.ask(ONE, ALICE, format!("X_WHO {count} / {after}").trim_end());
            let page = nicks(&answer);
            got.extend(page.iter().map(|nick| (*nick).to_owned()));
            if page.len() < count {
                break;
            }
            after = got.last().unwrap().clone();
        }
        assert_eq!(got, all, "{count}");
    }
    let answer = network.ask(ONE, ALICE, "X_WHO 5 host-12");
    let expected: Vec<_> = all.iter().filter(|nick| nick.starts_with("host-12")).take(5).collect();
    assert_eq!(nicks(&answer), expected);
}

#[test]
fn the_longest_nicks_need_several_messages() {
    let mut network = Network::new(2);
    let limits = RelayLimits { per_address: 3000, ..RelayLimits::default() };
    network.relays[TWO].registry.set_limits(limits);
    for number in 0..1000u64 {
        let nick = format!("{number:04}{}", "𝄞".repeat(28));
        network.register(TWO, ConnId(1000 + number), &nick);
    }
    network.wait(seconds(6));
    network.connect_from(ONE, ALICE, "8.8.8.8:5");
    let answer = network.ask(ONE, ALICE, "X_WHO 1000");
    assert_eq!(nicks(&answer).len(), 1000);
}

#[test]
fn a_relay_that_does_not_answer_is_left_out_after_a_second() {
    let mut network = Network::new(2);
    network.register(ONE, ALICE, "alice");
    network.register(TWO, BOB, "bob");
    network.wait(seconds(6));
    network.kill(TWO);
    network.send(ONE, ALICE, "X_WHO 9\nX_PING 1\n");
    assert_eq!(network.output(ONE, ALICE), "");
    network.wait(Duration::from_millis(999));
    assert_eq!(network.output(ONE, ALICE), "");
    network.wait(Duration::from_millis(1));
    assert_eq!(network.output(ONE, ALICE), "X_WHO alice\nX_WHO EOF\nX_PONG 1\n");
    network.send(ONE, ALICE, "X_WHO 9\n");
    network.lose_bus(ONE);
    assert_eq!(network.output(ONE, ALICE), "X_WHO alice\nX_WHO EOF\n");
}

#[test]
fn pending_nicks_are_not_listed_and_made_up_ones_are_bounded() {
    let mut network = Network::new(2);
    network.register(ONE, ALICE, "alice");
    network.wait(seconds(6));
    network.hold();
    network.connect_from(ONE, BOB, "8.8.8.8:5");
    network.send(ONE, BOB, "X_NICK bob\n");
    network.send(ONE, ALICE, "X_WHO 3\n");
    let asked = network.held.iter().find_map(|(_, action)| match action {
        Action::Publish { bytes, .. } => {
            String::from_utf8_lossy(bytes).split(' ').nth(2).map(str::to_owned)
        }
        _ => None,
    });
    let request = asked.unwrap();
    let two = RelayId([2; 8]);
    for (number, more) in [(0, "more"), (1, "more"), (2, "end")] {
        let nicks: String = (0..900).map(|at| format!("\nz{number}-{at}")).collect();
        let bytes = format!("X_NICKS {two} {request} {more}\n4821\nno nick\n{nicks}\nal");
        network.input(ONE, Input::Published { bytes: bytes.as_bytes() });
    }
    assert_eq!(network.output(ONE, ALICE), "X_WHO al\nX_WHO alice\nX_WHO z0-0\nX_WHO EOF\n");
}
