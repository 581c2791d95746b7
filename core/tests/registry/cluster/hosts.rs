//! Hosts at the relays of a cluster: their keys, the lists that they ask for, and what they do without their nick.

use xcher_core::Nick;
use xcher_core::peer::{self, Config, Event, Peer};
use xcher_core::registry::CloseReason;

use super::super::keys::Host;
use super::super::{ALICE, BOB};
use super::*;

/// Connects a host, and lets it and its relay talk until both are silent.
pub(super) fn connect(network: &mut Network, at: usize, host: Host) -> Host {
    let mut host = host.connect(&mut network.relays[at]);
    talk(network, at, &mut host);
    host
}

fn talk(network: &mut Network, at: usize, host: &mut Host) {
    loop {
        network.settle();
        let sent = host.sent.len();
        host.turn(&mut network.relays[at]);
        if host.sent.len() == sent {
            return;
        }
    }
}

#[test]
fn a_host_gets_its_nick_back_at_another_relay_from_its_dead_connection() {
    let mut network = Network::new(2);
    let dead = connect(&mut network, ONE, Host::new(&["alice"], Some(1), ALICE));
    assert_eq!(dead.nick(), Some("alice"));
    let mut again = connect(&mut network, TWO, Host::new(&["Alice", "alice-2"], Some(1), BOB));
    assert_eq!(again.nick(), None, "the first connection may still be alive");
    assert!(network.output(ONE, ALICE).starts_with("X_PING "));
    network.wait(seconds(2));
    assert_eq!(network.relays[ONE].closed(ALICE), None);
    network.wait(seconds(1));
    assert_eq!(network.relays[ONE].closed(ALICE), Some(CloseReason::Replaced));
    talk(&mut network, TWO, &mut again);
    assert_eq!(again.nick(), Some("Alice"));
    // The new connection keeps it.
    network.wait(seconds(8));
    assert_eq!(network.relays[TWO].closed(BOB), None);
}

#[test]
fn a_live_connection_and_another_key_keep_their_nick() {
    for key in [1, 2] {
        let mut network = Network::new(2);
        let mut first = connect(&mut network, ONE, Host::new(&["alice"], Some(1), ALICE));
        let mut again =
            connect(&mut network, TWO, Host::new(&["alice", "alice-2"], Some(key), BOB));
        talk(&mut network, ONE, &mut first);
        talk(&mut network, TWO, &mut again);
        assert_eq!((first.nick(), again.nick()), (Some("alice"), Some("alice-2")), "key {key}");
    }
}

#[test]
fn of_one_hosts_two_connections_the_younger_keeps_the_nick() {
    let mut network = Network::new(2);
    network.split(ONE, TWO);
    let _elder = connect(&mut network, ONE, Host::new(&["alice"], Some(1), ALICE));
    network.wait(seconds(7));
    let younger = connect(&mut network, TWO, Host::new(&["alice"], Some(1), BOB));
    assert_eq!(younger.nick(), Some("alice"));
    network.heal();
    network.wait(seconds(5));
    assert_eq!(network.relays[ONE].closed(ALICE), Some(CloseReason::NickLost));
    assert_eq!(network.relays[TWO].closed(BOB), None);
}

#[test]
fn a_host_lists_all_nicks_page_by_page() {
    let mut network = Network::new(2);
    let limits = RelayLimits { per_address: 3000, ..RelayLimits::default() };
    network.relays[TWO].registry.set_limits(limits);
    let mut all: Vec<_> = (0..2500u64).map(|number| format!("host-{number:04}")).collect();
    for (number, nick) in all.iter().enumerate() {
        network.register(TWO, ConnId(1000 + number as u64), nick);
    }
    all.insert(0, "alice".to_owned());
    network.wait(seconds(6));
    let mut host = connect(&mut network, ONE, Host::new(&["alice"], Some(1), ALICE));
    host.events.clear();
    for _ in 0..2 {
        let mut actions = Vec::new();
        host.peer.who(network.now, &mut actions).unwrap();
        host.act(actions, &mut network.relays[ONE]);
    }
    talk(&mut network, ONE, &mut host);
    let mut lists = host.events.split(|event| matches!(event, Event::NicksEnd));
    for _ in 0..2 {
        let list = lists.next().unwrap().iter().map(|event| match event {
            Event::Nick { nick } => nick.as_str().to_owned(),
            other => panic!("{other:?}"),
        });
        assert!(list.eq(all.iter().cloned()));
    }
    assert_eq!(lists.next(), Some(&[][..]));
    assert_eq!(host.sent.matches("X_WHO 1000 /").count(), 6);
    assert!(!host.sent.contains("X_WHO\n"));
}

/// A host without keys, of which the test plays the relay.
struct Lone {
    peer: Peer,
    now: Duration,
    conn: Option<peer::ConnId>,
    events: Vec<Event>,
}

impl Lone {
    fn input(&mut self, input: peer::Input<'_>) {
        let mut actions = Vec::new();
        self.peer.handle(input, self.now, &mut actions);
        self.act(actions);
    }

    fn act(&mut self, actions: Vec<peer::Action>) {
        for action in actions {
            match action {
                peer::Action::DialRelay { conn } => self.conn = Some(conn),
                peer::Action::Notify(event) => self.events.push(event),
                _ => {}
            }
        }
    }

    fn connected_and_told(&mut self, text: &str) {
        let conn = self.conn.unwrap();
        let [local, remote] = ["9.9.9.9:5000", "8.8.8.8:9247"].map(|at| at.parse().unwrap());
        self.input(peer::Input::Connected { conn, local, remote });
        self.input(peer::Input::Received { conn, bytes: text.as_bytes() });
    }
}

#[test]
fn a_host_that_lost_its_nick_says_why_and_asks_again_ever_less_often() {
    let peer =
        Peer::new(Config { nicks: vec![Nick::parse("alice").unwrap()], ..Config::default() });
    let mut host = Lone { peer, now: seconds(100), conn: None, events: Vec::new() };
    let mut actions = Vec::new();
    host.peer.start(host.now, &mut actions);
    host.act(actions);
    host.connected_and_told("X_NICK alice YES\nX_CAPS from ticket page\nX_ADDR 9.9.9.9\n");
    assert!(host.peer.nick().is_some());
    let conn = host.conn.unwrap();
    let reason =
        b"X_ERR - your nick is another host's in this network, which had it first: alice\n";
    host.input(peer::Input::Received { conn, bytes: reason });
    host.input(peer::Input::Closed { conn, why: None });
    let shown = format!("{:?}", host.events);
    assert!(shown.contains("your nick is another host's"), "{shown}");
    let mut waits = Vec::new();
    for _ in 0..7 {
        let Some(Event::Offline { retry: Some(wait), .. }) = host.events.pop() else {
            panic!("{:?}", host.events)
        };
        waits.push(wait.as_secs());
        host.now += wait;
        host.input(peer::Input::Tick);
        host.connected_and_told("X_NICK alice NO\n");
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
}
