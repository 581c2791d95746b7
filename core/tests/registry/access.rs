//! The operator's lists: networks, keys, nicks, and nicks that belong to keys.

use std::sync::Arc;

use xcher_core::peer::{Error, Event};
use xcher_core::registry::{AccessLists, AccessRules, Asked, NickPattern, Rule};
use xcher_core::secure::{Identity, PublicKey};

use super::keys::{Host, host_key, with_key};
use super::*;

fn pattern(text: &str) -> NickPattern {
    NickPattern::parse(text).unwrap()
}

impl Relay {
    fn set_access(&mut self, rules: AccessRules) -> Vec<ConnId> {
        let mut actions = Vec::new();
        let closed = self.registry.set_access(Arc::new(AccessLists::new(rules)), &mut actions);
        self.carry_out(actions);
        closed
    }
}

/// Lists in which `bob` belongs to a host.
fn reserved(key: PublicKey) -> AccessRules {
    AccessRules { reserved: [(pattern("bob"), [key].into())].into(), ..AccessRules::default() }
}

fn is_online(host: &Host) -> bool {
    matches!(host.events.last(), Some(Event::Online { .. }))
}

/// Returns the reason of the relay for which a host is offline.
fn reason(host: &Host) -> String {
    let Some(Event::Offline { error: Error::Relay(reason), .. }) = host.events.last() else {
        panic!("{:?}", host.events)
    };
    reason.to_string()
}

#[test]
fn a_network_that_is_not_allowed_is_refused_in_every_form() {
    let mut relay = relay();
    relay.set_access(AccessRules {
        allow_networks: ["192.0.2.0/24".parse().unwrap()].into(),
        deny_networks: ["192.0.2.7/32".parse().unwrap()].into(),
        ..AccessRules::default()
    });
    let refused = "X_ERR - refused: this relay is not open to your address\n";
    for (at, from) in
        ["192.0.2.7:1", "[::ffff:192.0.2.7]:1", "9.9.9.9:1", "[::1]:1", "[::192.0.2.1]:1"]
            .into_iter()
            .enumerate()
    {
        let conn = ConnId(10 + at as u64);
        relay.connect_from(conn, from);
        assert_eq!(relay.output(conn), refused, "{from}");
        assert_eq!(relay.closed(conn), Some(CloseReason::NotAllowed));
    }
    for (conn, from) in [(ALICE, "192.0.2.8:1"), (BOB, "[::ffff:192.0.2.9]:1")] {
        relay.connect_from(conn, from);
        assert_eq!(relay.closed(conn), None);
    }
}

#[test]
fn denied_nicks_are_refused_with_look_alikes_and_codes_by_a_rule_of_their_own() {
    let mut relay = relay();
    let rules = AccessRules {
        allow_nicks: [pattern("team-*")].into(),
        deny_nicks: [pattern("team-admin*")].into(),
        ..AccessRules::default()
    };
    relay.set_access(rules.clone());
    relay.connect(ALICE);
    let refused = "X_ERR X_NICK refused: this relay does not allow this nick, or one like it\n";
    for nick in ["alice", "team-admin", "TEAM-ADMIN2", "team-аdmin"] {
        assert_eq!(relay.ask(ALICE, &format!("X_NICK {nick}")), refused, "{nick}");
    }
    let refusal = Outcome::Refused { asked: Asked::Nick, rule: Rule::NickNotAllowed };
    assert_eq!(relay.outcomes, [(ALICE, refusal); 4]);
    relay.register(BOB, "team-1");
    relay.register(CAROL, "4821");
    assert_eq!(relay.set_access(AccessRules { deny_codes: true, ..rules }), [CAROL]);
    assert_eq!(relay.output(CAROL), "X_ERR - refused: this relay has no codes\n");
    assert_eq!(relay.closed(CAROL), Some(CloseReason::NotAllowed));
}

#[test]
fn a_reserved_nick_is_given_to_its_host_and_to_no_other() {
    let mut relay = with_key();
    relay.set_access(reserved(host_key(1)));
    // The host asks for its nick first, gets NO, proves its key and asks again.
    let bob = Host::new(&["bob"], Some(1), BOB).connect(&mut relay);
    assert!(is_online(&bob), "{:?}", bob.events);
    assert_eq!(bob.sent.matches("X_NICK bob\n").count(), 2);
    relay.handle(Input::Closed { conn: BOB });
    for (at, nick) in ["bob", "BOB", "bоb"].into_iter().enumerate() {
        let conn = ConnId(20 + at as u64);
        let eve = Host::new(&[nick], Some(2), conn).connect(&mut relay);
        let reason = reason(&eve);
        assert!(reason.contains("is reserved, and not for your host's key"), "{reason}");
        assert!(reason.contains(&host_key(2).to_string()), "the operator can be told: {reason}");
    }
    // A host of the base protocol has no key: NO at first, then the reason.
    relay.connect(CAROL);
    assert_eq!(relay.ask(CAROL, "X_NICK bob"), "X_NICK bob NO\n");
    assert_eq!(
        relay.ask(CAROL, "X_NICK bob"),
        "X_ERR X_NICK refused: bob is reserved, and your host has shown no key\n"
    );
    assert_eq!(relay.ask(CAROL, "X_NICK carol"), "X_NICK carol YES\n");
}

#[test]
fn only_hosts_with_allowed_keys_get_nicks_and_see_who_is_online() {
    let mut relay = with_key();
    let rules = AccessRules { allow_keys: [host_key(1)].into(), ..AccessRules::default() };
    relay.set_access(rules.clone());
    let bob = Host::new(&["bob"], Some(1), BOB).connect(&mut relay);
    assert!(is_online(&bob), "{:?}", bob.events);
    let eve = Host::new(&["eve"], Some(2), CAROL).connect(&mut relay);
    assert!(reason(&eve).contains("has not allowed your host's key"), "{:?}", eve.events);
    assert_eq!(relay.closed(CAROL), Some(CloseReason::NotAllowed));
    relay.connect(ALICE);
    for list in ["X_WHO", "X_WHO 10", "X_WHO 10 /"] {
        let answer = relay.ask(ALICE, list);
        assert!(answer.starts_with("X_ERR X_WHO refused:") && !answer.contains("bob"), "{answer}");
    }
    assert_eq!(relay.ask(ALICE, "X_NICK alice"), "X_NICK alice NO\n");
    assert!(relay.ask(ALICE, "X_NICK alice").contains("yours has shown none"));
    // A code's host makes a key for it, so it cannot be listed.
    let code = ConnId(9);
    relay.connect(code);
    assert!(relay.ask(code, "X_NICK 4821").contains("so it has no codes"));
    assert_eq!(relay.closed(code), Some(CloseReason::NotAllowed));
    // The host was there before its key was denied.
    assert_eq!(relay.set_access(AccessRules { deny_keys: [host_key(1)].into(), ..rules }), [BOB]);
    assert!(relay.output(BOB).contains("has not allowed your host's key"));
}

#[test]
fn a_key_seen_on_one_connection_is_worth_nothing_on_another() {
    let mut relay = with_key();
    relay.set_access(AccessRules { allow_keys: [host_key(1)].into(), ..AccessRules::default() });
    let bob = Host::new(&["bob"], Some(1), BOB).connect(&mut relay);
    // An eavesdropper repeats all that the host said, and all but the nick.
    for (conn, skip) in [(ALICE, ""), (CAROL, "X_NICK")] {
        relay.connect(conn);
        for line in bob.sent.lines().filter(|line| skip.is_empty() || !line.starts_with(skip)) {
            relay.send(conn, &format!("{line}\n"));
        }
        let answers = relay.output(conn);
        assert!(answers.contains("X_ERR X_KEY the proof does not match the key"), "{answers}");
        assert_eq!((relay.registry.nick(conn), relay.registry.key(conn)), (None, None));
    }
}

#[test]
fn new_lists_close_what_they_forbid_and_nothing_else() {
    let mut relay = with_key();
    let bob = Host::new(&["bob"], Some(1), BOB).connect(&mut relay);
    relay.connect_from(ALICE, "192.0.2.1:1");
    relay.register(CAROL, "bobby");
    let late = ConnId(9);
    relay.connect(late);
    assert_eq!(relay.set_access(reserved(host_key(1))), []);
    let network = AccessRules {
        deny_networks: ["192.0.2.0/24".parse().unwrap()].into(),
        deny_nicks: [pattern("bobb*")].into(),
        ..reserved(host_key(2))
    };
    assert_eq!(relay.set_access(network), [ALICE, BOB, CAROL]);
    for (conn, reason) in [
        (ALICE, "this relay is not open to your address"),
        (BOB, "bob is reserved, and not for your host's key"),
        (CAROL, "this relay does not allow this nick"),
    ] {
        assert!(relay.output(conn).starts_with(&format!("X_ERR - refused: {reason}")));
        assert_eq!(relay.closed(conn), Some(CloseReason::NotAllowed));
    }
    drop(bob);
    assert_eq!(relay.ask(late, "X_NICK late"), "X_NICK late YES\n");
    assert_eq!(relay.set_access(AccessRules::default()), []);
    relay.register(ConnId(10), "bobby");
}

#[test]
fn operators_see_hosts_and_keys_but_no_codes() {
    let mut relay = with_key();
    let _bob = Host::new(&["bob"], Some(1), BOB).connect(&mut relay);
    relay.register(ALICE, "alice");
    relay.register(CAROL, "4821");
    let hosts: Vec<_> =
        relay.registry.hosts("").map(|host| (host.conn, host.nick.as_str(), host.key)).collect();
    assert_eq!(hosts, [(ALICE, "alice", None), (BOB, "bob", Some(host_key(1)))]);
    assert_eq!(relay.registry.hosts("alice").map(|host| host.conn).collect::<Vec<_>>(), [BOB]);
    assert!(relay.outcomes.contains(&(BOB, Outcome::Proved)));
    assert_ne!(host_key(1), Identity::new([1; 32]).public(), "the key at this relay alone");
}
