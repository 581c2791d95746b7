//! Hosts and a relay prove to each other who they are, and a host has its nick back (section 5.6).

use xcher_core::Nick;
use xcher_core::peer::{self, Config, Encryption, Error, Event, Peer};
use xcher_core::secure::{Identity, PublicKey};

use super::*;

fn with_key() -> Relay {
    let mut relay = relay();
    relay.registry =
        Registry::new(RelayLimits::default(), [7; 32]).with_identity(Identity::new([9; 32]));
    relay
}

fn relay_key() -> PublicKey {
    Identity::new([9; 32]).public()
}

/// A host with a link to the relay.
struct Host {
    peer: Peer,
    link: Option<peer::ConnId>,
    conn: ConnId,
    proved: Vec<Option<PublicKey>>,
    events: Vec<Event>,
    /// What it said.
    said: String,
    /// Changes what the relay says on the way.
    between: fn(&str) -> String,
}

impl Host {
    fn new(nicks: &[&str], key: Option<u8>, conn: ConnId) -> Self {
        let nicks = nicks.iter().map(|nick| Nick::parse(nick).unwrap()).collect();
        let peer = Peer::new(Config { nicks, ..Config::default() });
        let trust = key
            .map(|key| Encryption::new(Identity::new([key; 32]), [key ^ conn.0 as u8 ^ 0x80; 32]));
        let peer = match trust {
            Some(trust) => peer.with_encryption(trust),
            None => peer,
        };
        let (proved, events, said) = (Vec::new(), Vec::new(), String::new());
        Self { peer, link: None, conn, proved, events, said, between: str::to_owned }
    }

    /// Dials the relay, and is spoken with until both are done.
    fn dials(mut self, relay: &mut Relay) -> Self {
        let mut actions = Vec::new();
        self.peer.start(relay.now, &mut actions);
        let [peer::Action::DialRelay { conn }] = actions[..] else { panic!("{actions:?}") };
        self.link = Some(conn);
        relay.connect(self.conn);
        let [local, remote] = ["127.0.0.1:5000", "127.0.0.1:9247"].map(|at| at.parse().unwrap());
        self.give(peer::Input::Connected { conn, local, remote }, relay);
        self.turn(relay);
        self
    }

    fn turn(&mut self, relay: &mut Relay) {
        loop {
            let heard = relay.look(self.conn);
            let heard: String =
                heard.split_inclusive('\n').map(|line| (self.between)(line)).collect();
            let Some(conn) = self.link.filter(|_| !heard.is_empty()) else { return };
            self.give(peer::Input::Received { conn, bytes: heard.as_bytes() }, relay);
        }
    }

    fn give(&mut self, input: peer::Input<'_>, relay: &mut Relay) {
        let mut actions = Vec::new();
        self.peer.handle(input, relay.now, &mut actions);
        for action in actions {
            match action {
                peer::Action::Write { bytes, .. } => {
                    self.said += std::str::from_utf8(&bytes).unwrap();
                    relay.handle(Input::Received { conn: self.conn, bytes: &bytes });
                }
                peer::Action::RelayVerified { key } => self.proved.push(key),
                peer::Action::Notify(event) => self.events.push(event),
                peer::Action::Close { .. } => {
                    self.link = None;
                    relay.handle(Input::Closed { conn: self.conn });
                }
                action => panic!("{action:?}"),
            }
        }
    }

    fn nick(&self) -> Option<&str> {
        self.peer.nick().map(Nick::as_str)
    }
}

#[test]
fn both_prove_their_keys_before_the_host_is_online() {
    let mut relay = with_key();
    let host = Host::new(&["alice"], Some(1), ALICE).dials(&mut relay);
    assert_eq!(host.nick(), Some("alice"));
    assert_eq!(host.proved, [Some(relay_key())]);
    assert_eq!(host.said.matches("X_KEY ").count(), 2);
    let own = Identity::new([1; 32]).public().to_string();
    assert!(!host.said.contains(&own), "the key that others know it by does not show");
}

#[test]
fn neither_needs_the_others_key() {
    let mut relay = relay();
    let host = Host::new(&["alice"], Some(1), ALICE).dials(&mut relay);
    assert_eq!((host.nick(), &host.proved[..]), (Some("alice"), &[None][..]));
    let mut relay = with_key();
    let plain = Host::new(&["alice"], None, ALICE).dials(&mut relay);
    assert_eq!((plain.nick(), &plain.proved[..]), (Some("alice"), &[None][..]));
    for host in [host, plain] {
        assert!(!host.said.contains("X_KEY"), "{}", host.said);
    }
}

#[test]
fn a_relay_that_cannot_prove_its_key_is_left() {
    for between in [
        |line: &str| line.replace("X_KEY ", "X_KEY x"),
        |line: &str| match line.strip_prefix("X_KEY ") {
            // The key of another relay, with this one's proof.
            Some(rest) => format!("X_KEY {} {}", Identity::new([8; 32]).public(), &rest[45..]),
            None => line.to_owned(),
        },
        |line: &str| line.replace("X_KEY ", "X_ERR X_KEY "),
    ] {
        let mut relay = with_key();
        let host = Host { between, ..Host::new(&["alice"], Some(1), ALICE) }.dials(&mut relay);
        assert!(host.proved.is_empty() && host.nick().is_none(), "{}", host.said);
        let error = host.events.iter().find_map(|event| match event {
            Event::Offline { error, .. } => Some(error),
            _ => None,
        });
        assert!(matches!(error, Some(Error::UnprovenRelayKey | Error::Relay(_))), "{error:?}");
    }
}

/// Alice's first connection, and then a second one, which asks for the same nick.
fn twice(second: u8) -> (Relay, Host, Host) {
    let mut relay = with_key();
    let first = Host::new(&["alice"], Some(1), ALICE).dials(&mut relay);
    let again = Host::new(&["Alice", "alice-2"], Some(second), BOB).dials(&mut relay);
    (relay, first, again)
}

#[test]
fn a_host_has_its_nick_back_from_a_dead_connection_of_its_own() {
    let (mut relay, _dead, mut again) = twice(1);
    assert!(relay.look(ALICE).starts_with("X_PING "));
    assert_eq!(again.nick(), None, "it is seen first whether the other lives");
    relay.wait(seconds(2));
    assert_eq!(relay.closed(ALICE), None);
    relay.wait(seconds(1));
    assert_eq!(relay.closed(ALICE), Some(CloseReason::Replaced));
    again.turn(&mut relay);
    assert_eq!(again.nick(), Some("Alice"));
    assert_eq!(relay.registry.nick(BOB).unwrap().as_str(), "Alice");
}

#[test]
fn a_connection_that_lives_keeps_its_nick() {
    let (mut relay, mut first, mut again) = twice(1);
    first.turn(&mut relay);
    again.turn(&mut relay);
    assert_eq!((first.nick(), again.nick()), (Some("alice"), Some("alice-2")));
    relay.wait(seconds(10));
    assert_eq!((relay.closed(ALICE), relay.closed(BOB)), (None, None));
}

#[test]
fn another_key_has_nothing_back() {
    let (mut relay, _first, again) = twice(2);
    assert_eq!(relay.look(ALICE), "", "not even a ping");
    assert_eq!(again.nick(), Some("alice-2"));
}

#[test]
fn a_nick_whose_connection_ends_meanwhile_is_had_back_at_once() {
    let (mut relay, _first, mut again) = twice(1);
    relay.handle(Input::Closed { conn: ALICE });
    assert_eq!(relay.registry.next_deadline(), Some(Duration::ZERO));
    relay.handle(Input::Tick);
    again.turn(&mut relay);
    assert_eq!(again.nick(), Some("Alice"));
}

#[test]
fn who_asks_and_leaves_takes_nothing() {
    let (mut relay, first, _again) = twice(1);
    relay.handle(Input::Closed { conn: BOB });
    relay.wait(seconds(10));
    assert_eq!((relay.closed(ALICE), first.nick()), (None, Some("alice")));
    let third = Host::new(&["alice", "alice-3"], Some(1), CAROL).dials(&mut relay);
    assert_eq!(third.nick(), None, "asks again");
}

#[test]
fn one_at_a_time_asks_for_a_nick_and_waits_for_the_answer() {
    let (mut relay, _first, again) = twice(1);
    let third = Host::new(&["alice", "alice-3"], Some(1), CAROL).dials(&mut relay);
    assert_eq!((again.nick(), third.nick()), (None, Some("alice-3")));
    assert_eq!(
        relay.ask(BOB, "X_NICK eve"),
        "X_ERR X_NICK expected to wait for the answer to X_NICK\n"
    );
}

/// What a host said once is of no use to who recorded it.
#[test]
fn a_proof_is_good_for_its_own_connection_alone() {
    let mut relay = with_key();
    let host = Host::new(&["alice"], Some(1), ALICE).dials(&mut relay);
    let keys: Vec<_> = host.said.lines().filter(|line| line.starts_with("X_KEY ")).collect();
    relay.connect(BOB);
    relay.ask(BOB, "X_CAPS key");
    assert!(relay.ask(BOB, keys[0]).starts_with("X_KEY "));
    assert_eq!(relay.ask(BOB, keys[1]), "X_ERR X_KEY expected the proof of that key\n");
    assert_eq!(relay.ask(BOB, keys[1]), "X_ERR X_KEY expected one proof a connection\n");
    assert_eq!(relay.ask(BOB, "X_NICK alice"), "X_NICK alice NO\n");
    assert_eq!(relay.look(ALICE), "");
}

#[test]
fn a_key_that_makes_no_sense_is_a_fault() {
    let mut relay = with_key();
    relay.connect(ALICE);
    assert!(relay.ask(ALICE, "X_KEY AAAA").contains("expected X_CAPS with the word key first"));
    relay.ask(ALICE, "X_CAPS key");
    assert!(relay.ask(ALICE, "X_KEY AAAA").contains("expected X_KEY base64, got"));
    let weak = PublicKey::new([0; 32]).to_string();
    assert!(relay.ask(ALICE, &format!("X_KEY {weak}")).contains("a key that is not weak"));
    let once = Identity::new([3; 32]).public().to_string();
    assert!(relay.ask(ALICE, &format!("X_KEY {once}")).starts_with("X_KEY "));
    assert!(relay.ask(ALICE, "X_KEY AAAA").contains("expected X_KEY base64 base64, got"));
    let mut without = super::relay();
    without.connect(ALICE);
    without.ask(ALICE, "X_CAPS key");
    assert_eq!(without.ask(ALICE, &format!("X_KEY {once}")), "X_ERR X_KEY unknown verb\n");
}
