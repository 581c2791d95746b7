//! Proofs of the relay's and the host's keys, and a host that gets its nick back (section 5.6).

use xcher_core::Nick;
use xcher_core::peer::{self, Config, Encryption, Error, Event, Peer};
use xcher_core::secure::{Identity, PublicKey};

use super::*;

pub(super) fn with_key() -> Relay {
    let mut relay = relay();
    relay.registry =
        Registry::new(RelayLimits::default(), [7; 32]).with_identity(Identity::new([9; 32]));
    relay
}

fn relay_key() -> PublicKey {
    Identity::new([9; 32]).public()
}

/// Returns the key at the relay of [`with_key`] of a host with this key.
pub(super) fn host_key(key: u8) -> PublicKey {
    Identity::new([key; 32]).key_at_relay(relay_key())
}

/// A host with a connection to the relay.
pub(super) struct Host {
    pub(super) peer: Peer,
    link: Option<peer::ConnId>,
    pub(super) conn: ConnId,
    proved: Vec<Option<PublicKey>>,
    pub(super) events: Vec<Event>,
    /// Everything that it sent.
    pub(super) sent: String,
    /// Changes each line of the relay on its way.
    attacker: fn(&str) -> String,
}

impl Host {
    pub(super) fn new(nicks: &[&str], key: Option<u8>, conn: ConnId) -> Self {
        let nicks = nicks.iter().map(|nick| Nick::parse(nick).unwrap()).collect();
        let peer = Peer::new(Config { nicks, ..Config::default() });
        let encryption = key
            .map(|key| Encryption::new(Identity::new([key; 32]), [key ^ conn.0 as u8 ^ 0x80; 32]));
        let peer = match encryption {
            Some(encryption) => peer.with_encryption(encryption),
            None => peer,
        };
        let (proved, events, sent) = (Vec::new(), Vec::new(), String::new());
        Self { peer, link: None, conn, proved, events, sent, attacker: str::to_owned }
    }

    /// Connects to the relay and exchanges lines until both are silent.
    pub(super) fn connect(mut self, relay: &mut Relay) -> Self {
        let mut actions = Vec::new();
        self.peer.start(relay.now, &mut actions);
        let [peer::Action::DialRelay { conn }] = actions[..] else { panic!("{actions:?}") };
        self.link = Some(conn);
        relay.connect(self.conn);
        let [local, remote] = ["127.0.0.1:5000", "127.0.0.1:9247"].map(|at| at.parse().unwrap());
        self.input(peer::Input::Connected { conn, local, remote }, relay);
        self.turn(relay);
        self
    }

    pub(super) fn turn(&mut self, relay: &mut Relay) {
        loop {
            let output = relay.output(self.conn);
            let output: String =
                output.split_inclusive('\n').map(|line| (self.attacker)(line)).collect();
            let Some(conn) = self.link.filter(|_| !output.is_empty()) else { return };
            self.input(peer::Input::Received { conn, bytes: output.as_bytes() }, relay);
        }
    }

    fn input(&mut self, input: peer::Input<'_>, relay: &mut Relay) {
        let mut actions = Vec::new();
        self.peer.handle(input, relay.now, &mut actions);
        self.act(actions, relay);
    }

    pub(super) fn act(&mut self, actions: Vec<peer::Action>, relay: &mut Relay) {
        for action in actions {
            match action {
                peer::Action::Write { bytes, .. } => {
                    self.sent += std::str::from_utf8(&bytes).unwrap();
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

    pub(super) fn nick(&self) -> Option<&str> {
        self.peer.nick().map(Nick::as_str)
    }
}

#[test]
fn both_prove_their_keys_before_the_host_is_online() {
    let mut relay = with_key();
    let host = Host::new(&["alice"], Some(1), ALICE).connect(&mut relay);
    assert_eq!(host.nick(), Some("alice"));
    assert_eq!(host.proved, [Some(relay_key())]);
    assert_eq!(host.sent.matches("X_KEY ").count(), 2);
    let own = Identity::new([1; 32]).public().to_string();
    assert!(!host.sent.contains(&own), "the long-term key was sent");
}

#[test]
fn host_and_relay_work_without_the_others_key() {
    let mut relay = relay();
    let host = Host::new(&["alice"], Some(1), ALICE).connect(&mut relay);
    assert_eq!((host.nick(), &host.proved[..]), (Some("alice"), &[None][..]));
    let mut relay = with_key();
    let unencrypted = Host::new(&["alice"], None, ALICE).connect(&mut relay);
    assert_eq!((unencrypted.nick(), &unencrypted.proved[..]), (Some("alice"), &[None][..]));
    for host in [host, unencrypted] {
        assert!(!host.sent.contains("X_KEY"), "{}", host.sent);
    }
}

#[test]
fn host_leaves_a_relay_without_a_valid_proof() {
    for attacker in [
        |line: &str| line.replace("X_KEY ", "X_KEY x"),
        |line: &str| match line.strip_prefix("X_KEY ") {
            // Another relay's key with this relay's proof.
            Some(rest) => format!("X_KEY {} {}", Identity::new([8; 32]).public(), &rest[45..]),
            None => line.to_owned(),
        },
        |line: &str| line.replace("X_KEY ", "X_ERR X_KEY "),
    ] {
        let mut relay = with_key();
        let host = Host { attacker, ..Host::new(&["alice"], Some(1), ALICE) }.connect(&mut relay);
        assert!(host.proved.is_empty() && host.nick().is_none(), "{}", host.sent);
        let error = host.events.iter().find_map(|event| match event {
            Event::Offline { error, .. } => Some(error),
            _ => None,
        });
        assert!(matches!(error, Some(Error::UnprovenRelayKey | Error::Relay(_))), "{error:?}");
    }
}

/// Alice's first connection, and a second one that asks for the same nick.
fn connected_twice(second: u8) -> (Relay, Host, Host) {
    let mut relay = with_key();
    let first = Host::new(&["alice"], Some(1), ALICE).connect(&mut relay);
    let again = Host::new(&["Alice", "alice-2"], Some(second), BOB).connect(&mut relay);
    (relay, first, again)
}

#[test]
fn host_gets_its_nick_back_from_its_dead_connection() {
    let (mut relay, _dead, mut again) = connected_twice(1);
    assert!(relay.output(ALICE).starts_with("X_PING "));
    assert_eq!(again.nick(), None, "the first connection may still be alive");
    relay.wait(seconds(2));
    assert_eq!(relay.closed(ALICE), None);
    relay.wait(seconds(1));
    assert_eq!(relay.closed(ALICE), Some(CloseReason::Replaced));
    again.turn(&mut relay);
    assert_eq!(again.nick(), Some("Alice"));
    assert_eq!(relay.registry.nick(BOB).unwrap().as_str(), "Alice");
}

#[test]
fn live_connection_keeps_its_nick() {
    let (mut relay, mut first, mut again) = connected_twice(1);
    first.turn(&mut relay);
    again.turn(&mut relay);
    assert_eq!((first.nick(), again.nick()), (Some("alice"), Some("alice-2")));
    relay.wait(seconds(10));
    assert_eq!((relay.closed(ALICE), relay.closed(BOB)), (None, None));
}

#[test]
fn another_key_cannot_claim_a_nick() {
    let (mut relay, _first, again) = connected_twice(2);
    assert_eq!(relay.output(ALICE), "", "the holder was pinged");
    assert_eq!(again.nick(), Some("alice-2"));
}

#[test]
fn claimed_nick_is_free_when_its_connection_ends() {
    let (mut relay, _first, mut again) = connected_twice(1);
    relay.handle(Input::Closed { conn: ALICE });
    assert_eq!(relay.registry.next_deadline(), Some(Duration::ZERO));
    relay.handle(Input::Tick);
    again.turn(&mut relay);
    assert_eq!(again.nick(), Some("Alice"));
}

#[test]
fn claimant_that_disconnects_takes_nothing() {
    let (mut relay, first, _again) = connected_twice(1);
    relay.handle(Input::Closed { conn: BOB });
    relay.wait(seconds(10));
    assert_eq!((relay.closed(ALICE), first.nick()), (None, Some("alice")));
    let third = Host::new(&["alice", "alice-3"], Some(1), CAROL).connect(&mut relay);
    assert_eq!(third.nick(), None, "the claim was not repeated");
}

#[test]
fn only_one_claim_of_a_nick_is_pending() {
    let (mut relay, _first, again) = connected_twice(1);
    let third = Host::new(&["alice", "alice-3"], Some(1), CAROL).connect(&mut relay);
    assert_eq!((again.nick(), third.nick()), (None, Some("alice-3")));
    assert_eq!(relay.ask(BOB, "X_NICK eve"), "X_ERR X_NICK the previous X_NICK is still pending\n");
}

#[test]
fn proof_is_valid_on_its_own_connection_only() {
    let mut relay = with_key();
    let host = Host::new(&["alice"], Some(1), ALICE).connect(&mut relay);
    let keys: Vec<_> = host.sent.lines().filter(|line| line.starts_with("X_KEY ")).collect();
    relay.connect(BOB);
    relay.ask(BOB, "X_CAPS key");
    assert!(relay.ask(BOB, keys[0]).starts_with("X_KEY "));
    assert_eq!(relay.ask(BOB, keys[1]), "X_ERR X_KEY the proof does not match the key\n");
    assert_eq!(relay.ask(BOB, keys[1]), "X_ERR X_KEY only one proof is allowed per connection\n");
    assert_eq!(relay.ask(BOB, "X_NICK alice"), "X_NICK alice NO\n");
    assert_eq!(relay.output(ALICE), "");
}

#[test]
fn malformed_key_is_an_error() {
    let mut relay = with_key();
    relay.connect(ALICE);
    assert!(relay.ask(ALICE, "X_KEY AAAA").contains("X_CAPS with the word key must come first"));
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
