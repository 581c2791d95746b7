//! Users, their tokens, and hosts that show them (section 5.11).

use std::sync::Arc;

use xcher_core::Nick;
use xcher_core::peer::{self, Config, Error, Event, Peer, RelayToken};
use xcher_core::registry::{
    Account, Asked, NickPattern, Rule, TokenHash, User, UserLimits, UserName, Users,
};

use super::*;

pub(super) fn user(name: &str, connections: Option<usize>, nicks: &[&str]) -> User {
    User {
        name: UserName::parse(name).unwrap(),
        tokens: vec![TokenHash::of(&format!("{name}-token"))],
        limits: UserLimits { connections, ..UserLimits::default() },
        nicks: nicks.iter().map(|pattern| NickPattern::parse(pattern).unwrap()).collect(),
        is_reserved: !nicks.is_empty(),
    }
}

pub(super) fn set(
    relay: &mut Relay,
    all: impl IntoIterator<Item = User>,
    anonymous: Option<UserLimits>,
) {
    let users = Arc::new(Users::new(all, anonymous).unwrap());
    let mut actions = Vec::new();
    relay.registry.set_users(Some(users), &mut actions);
    relay.carry_out(actions);
}

fn with_users(all: impl IntoIterator<Item = User>, anonymous: Option<UserLimits>) -> Relay {
    let mut relay = relay();
    set(&mut relay, all, anonymous);
    relay
}

fn account(name: &str) -> Account {
    Account::User(UserName::parse(name).unwrap())
}

#[test]
fn a_token_comes_before_the_nick() {
    let mut relay = with_users([user("amy", None, &[])], None);
    relay.connect(ALICE);
    relay.send(ALICE, "X_CAPS token\nX_TOKEN amy-token\nX_NICK alice\n");
    let words = "X_CAPS from ticket near move page path token decline\n";
    assert_eq!(relay.output(ALICE), format!("{words}X_NICK alice YES\n"));
    assert_eq!(relay.registry.account(ALICE), Some(&account("amy")));
    assert_eq!(relay.registry.connections_of(&account("amy")), [ALICE]);
    relay.send(ALICE, "X_TOKEN amy-token\n");
    assert!(relay.output(ALICE).starts_with("X_ERR X_TOKEN it is known already"));
    relay.send(ALICE, "X_END\n");
    assert_eq!(relay.registry.accounts().count(), 0);
}

#[test]
fn without_a_valid_token_nothing_is_answered() {
    for (lines, rule, reason) in [
        ("X_NICK alice\n", Rule::NoToken, CloseReason::NoToken),
        ("X_WHO\n", Rule::NoToken, CloseReason::NoToken),
        ("X_WHO 1\n", Rule::NoToken, CloseReason::NoToken),
        ("X_WHO 1 a\n", Rule::NoToken, CloseReason::NoToken),
        ("X_CAPS token\nX_TOKEN eve-token\n", Rule::WrongToken, CloseReason::WrongToken),
        (
            "X_CAPS token\nX_TOKEN sha256:00\nX_NICK alice\n",
            Rule::WrongToken,
            CloseReason::WrongToken,
        ),
    ] {
        let mut relay = with_users([user("amy", None, &[])], None);
        relay.connect(ALICE);
        relay.send(ALICE, lines);
        let written = relay.output(ALICE);
        assert!(written.contains(" refused: ") && !written.contains("EOF"), "{written}");
        assert!(!written.contains("eve-token"), "{written}");
        assert_eq!(relay.closed.get(&ALICE), Some(&reason), "{lines}");
        let refused = |(_, outcome): &(ConnId, Outcome)| matches!(outcome, Outcome::Refused { rule: is, .. } if *is == rule);
        assert!(relay.outcomes.iter().any(refused), "{lines}");
    }
    // A call needs a nick, and so a token.
    let mut relay = with_users([user("amy", None, &[])], None);
    relay.connect(ALICE);
    relay.send(ALICE, "X_INIT bob 127.0.0.1 4000\nX_MEET bob\n");
    assert!(relay.output(ALICE).lines().all(|line| line.starts_with("X_ERR")));
}

#[test]
fn a_relay_without_users_does_not_know_the_packet() {
    let mut relay = relay();
    relay.connect(ALICE);
    relay.send(ALICE, "X_CAPS token\nX_TOKEN amy-token\nX_NICK alice\n");
    let written = relay.output(ALICE);
    assert!(!written.lines().next().unwrap().contains("token"), "{written}");
    assert!(written.contains("X_ERR X_TOKEN unknown verb\nX_NICK alice YES\n"), "{written}");
}

#[test]
fn a_malformed_token_is_not_repeated() {
    let mut relay = with_users([user("amy", None, &[])], None);
    relay.connect(ALICE);
    relay.send(ALICE, "X_CAPS token\nX_TOKEN my secret\nX_TOKEN\n");
    let long = "s".repeat(300);
    relay.send(ALICE, &format!("X_TOKEN {long}\n"));
    let written = relay.output(ALICE);
    assert_eq!(written.matches("X_ERR X_TOKEN expected").count(), 3, "{written}");
    assert!(!written.contains("secret") && !written.contains("sss"), "{written}");
}

#[test]
fn an_address_that_guesses_must_wait() {
    let mut relay = with_users([user("amy", None, &[])], None);
    for number in 10..20 {
        relay.connect(ConnId(number));
        relay.send(ConnId(number), &format!("X_CAPS token\nX_TOKEN guess{number}\n"));
        assert!(relay.output(ConnId(number)).contains("no token of this relay"));
    }
    relay.connect(ALICE);
    relay.send(ALICE, "X_CAPS token\nX_TOKEN amy-token\n");
    assert!(relay.output(ALICE).contains("too many wrong tokens"));
    assert_eq!(relay.closed.get(&ALICE), Some(&CloseReason::WrongToken));
    // Others are not affected, and the address itself only for a minute.
    relay.connect_from(BOB, "192.0.2.9:5000");
    relay.send(BOB, "X_CAPS token\nX_TOKEN amy-token\nX_NICK bob\n");
    assert!(relay.output(BOB).contains("X_NICK bob YES"));
    relay.now += Duration::from_secs(60);
    relay.connect(CAROL);
    relay.send(CAROL, "X_CAPS token\nX_TOKEN amy-token\nX_NICK carol\n");
    assert!(relay.output(CAROL).contains("X_NICK carol YES"));
}

#[test]
fn connections_of_a_user_are_limited_over_sockets_and_tunnels() {
    let mut relay = with_users([user("amy", Some(2), &[]), user("bob", None, &[])], None);
    relay.connect(ALICE);
    relay.send(ALICE, "X_CAPS token\nX_TOKEN amy-token\n");
    relay.connect(BOB);
    relay.handle(Input::Bridged { conn: BOB });
    relay.handle(Input::Admitted { conn: BOB, account: &account("amy") });
    // What the bridge has checked is not asked for again.
    assert_eq!(relay.ask(BOB, "X_CAPS key"), "X_CAPS from ticket near move page path decline\n");
    assert_eq!(relay.ask(BOB, "X_NICK bob"), "X_NICK bob YES\n");
    relay.connect(CAROL);
    relay.send(CAROL, "X_CAPS token\nX_TOKEN amy-token\n");
    assert!(relay.output(CAROL).contains("refused: too many of your connections"));
    assert_eq!(relay.closed.get(&CAROL), Some(&CloseReason::UserFull));
    let other = ConnId(9);
    relay.connect(other);
    relay.send(other, "X_CAPS token\nX_TOKEN bob-token\nX_NICK other\n");
    assert!(relay.output(other).contains("X_NICK other YES"));
    relay.handle(Input::Closed { conn: ALICE });
    let again = ConnId(10);
    relay.connect(again);
    relay.send(again, "X_CAPS token\nX_TOKEN amy-token\nX_NICK again\n");
    assert!(relay.output(again).contains("X_NICK again YES"));
}

#[test]
fn anonymous_clients_share_their_limits() {
    let limits = UserLimits { connections: Some(1), ..UserLimits::default() };
    let mut relay = with_users([user("amy", None, &[])], Some(limits));
    relay.connect(ALICE);
    relay.send(ALICE, "X_NICK alice\nX_WHO\n");
    assert!(relay.output(ALICE).contains("X_WHO EOF"));
    relay.connect(BOB);
    relay.send(BOB, "X_NICK bob\n");
    assert!(relay.output(BOB).contains("too many of connections without a user's token"));
    assert_eq!(relay.closed.get(&BOB), Some(&CloseReason::UserFull));
    relay.connect(CAROL);
    relay.send(CAROL, "X_CAPS token\nX_TOKEN amy-token\nX_NICK carol\n");
    assert!(relay.output(CAROL).contains("X_NICK carol YES"));
}

#[test]
fn reserved_nicks_and_those_alike_are_their_users() {
    let mut relay = with_users([user("amy", None, &["amy", "amy-*"])], Some(UserLimits::default()));
    relay.connect(ALICE);
    relay.send(ALICE, "X_NICK Amy\nX_NICK аmy-1\nX_NICK arny\nX_NICK alice\n");
    let written = relay.output(ALICE);
    assert_eq!(
        written.matches("X_ERR X_NICK refused: this nick, or one alike").count(),
        3,
        "{written}"
    );
    assert!(written.ends_with("X_NICK alice YES\n"), "{written}");
    relay.connect(BOB);
    relay.send(BOB, "X_CAPS token\nX_TOKEN amy-token\nX_NICK bob\nX_NICK AMY-1\n");
    let written = relay.output(BOB);
    assert!(
        written.contains("X_ERR X_NICK refused: your nicks here are amy, amy-*\n"),
        "{written}"
    );
    assert!(written.ends_with("X_NICK AMY-1 YES\n"), "{written}");
    // Codes need no permission.
    relay.connect(CAROL);
    relay.send(CAROL, "X_CAPS token\nX_TOKEN amy-token\nX_NICK 4821\n");
    assert!(relay.output(CAROL).ends_with("X_NICK 4821 YES\n"));
    let nick = Asked::Nick;
    let rules = [Rule::NickReserved, Rule::NickNotAllowed];
    for rule in rules {
        let refused = Outcome::Refused { asked: nick, rule };
        assert!(relay.outcomes.iter().any(|(_, outcome)| *outcome == refused), "{rule:?}");
    }
}

#[test]
fn who_is_not_allowed_any_more_is_disconnected() {
    let all = || [user("amy", None, &[]), user("bob", Some(5), &[])];
    let mut relay = with_users(all(), Some(UserLimits::default()));
    let tokens = [(ALICE, "amy"), (BOB, "bob")];
    for (conn, name) in tokens {
        relay.connect(conn);
        relay.send(conn, &format!("X_CAPS token\nX_TOKEN {name}-token\nX_NICK {name}1\n"));
        relay.output(conn);
    }
    relay.connect(CAROL);
    relay.send(CAROL, "X_NICK carol\n");
    relay.output(CAROL);
    // A lower limit applies to new connections only.
    set(
        &mut relay,
        [user("amy", None, &[]), user("bob", Some(0), &[])],
        Some(UserLimits::default()),
    );
    assert!(relay.closed.is_empty());
    set(&mut relay, [user("bob", None, &[])], Some(UserLimits::default()));
    assert_eq!(relay.closed.get(&ALICE), Some(&CloseReason::NoLongerAllowed));
    assert_eq!(relay.output(ALICE), "X_ERR - refused: you may not use this relay any more\n");
    assert_eq!(relay.registry.holder(&Nick::parse("amy1").unwrap()), None);
    set(&mut relay, [user("bob", None, &[])], None);
    assert_eq!(relay.closed.get(&CAROL), Some(&CloseReason::NoLongerAllowed));
    assert_eq!(relay.closed.get(&BOB), None);
    // A nick that became another's.
    set(&mut relay, [user("bob", None, &[]), user("zoe", None, &["bob1"])], None);
    assert_eq!(relay.closed.get(&BOB), Some(&CloseReason::NoLongerAllowed));
    let unknown = ConnId(9);
    relay.connect(unknown);
    relay.handle(Input::Bridged { conn: unknown });
    relay.handle(Input::Admitted { conn: unknown, account: &account("amy") });
    assert_eq!(relay.closed.get(&unknown), Some(&CloseReason::NoLongerAllowed));
}

#[test]
fn a_rendezvous_needs_no_token() {
    let mut relay = relay();
    relay.registry = Registry::new(RelayLimits::default(), [7; 32]).with_port(9247);
    set(&mut relay, [user("amy", None, &[])], None);
    for (conn, nick) in [(ALICE, "alice"), (BOB, "bob")] {
        relay.connect(conn);
        let caps = "X_CAPS from ticket meet token\n";
        relay.send(conn, &format!("{caps}X_TOKEN amy-token\nX_NICK {nick}\n"));
        relay.output(conn);
    }
    relay.send(ALICE, "X_MEET bob\n");
    let invitation = relay.output(ALICE).split(' ').nth(2).unwrap().to_owned();
    relay.connect(CAROL);
    relay.send(CAROL, &format!("X_MEET {invitation}\n"));
    assert_eq!((relay.output(CAROL).as_str(), relay.closed.get(&CAROL)), ("", None));
    // Without an invitation it is nothing.
    let eve = ConnId(9);
    relay.connect(eve);
    relay.send(eve, "X_MEET AAAAAAAAAAAAAAAAAAAAAA==\n");
    assert_eq!(relay.closed.get(&eve), Some(&CloseReason::NotInvited));
}

/// Plays the relay of a host with a token, at `remote`; returns what the host wrote and its events.
fn host_at(remote: &str, is_confidential: bool, answers: &[&str]) -> (String, Vec<Event>) {
    let nicks = vec![Nick::parse("alice").unwrap()];
    let token = RelayToken::parse("amy-token");
    let is_relay_confidential = is_confidential;
    let mut peer = Peer::new(Config { nicks, token, is_relay_confidential, ..Config::default() });
    let (mut actions, now) = (Vec::new(), Duration::ZERO);
    peer.start(now, &mut actions);
    let [peer::Action::DialRelay { conn }] = actions[..] else { panic!("{actions:?}") };
    let [local, remote] = ["192.0.2.7:5000", remote].map(|at| at.parse().unwrap());
    peer.handle(peer::Input::Connected { conn, local, remote }, now, &mut actions);
    for answer in answers {
        peer.handle(peer::Input::Received { conn, bytes: answer.as_bytes() }, now, &mut actions);
    }
    let mut written = String::new();
    let mut events = Vec::new();
    for action in actions {
        match action {
            peer::Action::Write { bytes, .. } => written += std::str::from_utf8(&bytes).unwrap(),
            peer::Action::Notify(event) => events.push(event),
            _ => {}
        }
    }
    (written, events)
}

#[test]
fn a_host_shows_its_token_where_nobody_else_reads_it() {
    let knows = "X_CAPS from token\nX_ADDR 192.0.2.7\n";
    for (remote, is_confidential) in
        [("127.0.0.1:9247", false), ("[::1]:9247", false), ("192.0.2.1:9250", true)]
    {
        let (written, events) = host_at(remote, is_confidential, &[knows, "X_NICK alice YES\n"]);
        let after =
            "X_CAPS from move ticket decline token\nX_ADDR\nX_TOKEN amy-token\nX_NICK alice\n";
        assert_eq!(written, after, "{remote}");
        assert!(matches!(events[..], [Event::Online { .. }]), "{events:?}");
    }
}

#[test]
fn a_relay_that_asks_for_the_token_in_the_clear_gets_none() {
    for remote in ["192.0.2.1:9247", "10.0.0.1:9247", "[fd00::1]:9247", "[2001:db8::1]:1"] {
        let answers = ["X_CAPS from token\nX_ADDR 192.0.2.7\n", "X_NICK alice YES\n"];
        let (written, events) = host_at(remote, false, &answers);
        assert!(!written.contains("X_TOKEN"), "{remote}: {written}");
        let [Event::Offline { error: Error::TokenInClear, retry: None }] = &events[..] else {
            panic!("{events:?}");
        };
    }
    // Whenever the relay claims it: also after the question, and after the nick.
    for answers in [
        &["X_ADDR 192.0.2.7\nX_CAPS token\n", "X_NICK alice YES\nX_CAPS token\n"][..],
        &["X_NICK alice YES\n", "X_CAPS token\n", "X_ADDR 192.0.2.7\n"][..],
        &["X_ERR X_NICK refused: this relay needs a token\nX_CAPS token\n"][..],
    ] {
        let (written, _) = host_at("192.0.2.1:9247", false, answers);
        assert!(!written.contains("X_TOKEN"), "{answers:?}: {written}");
    }
}

#[test]
fn a_relay_without_users_is_not_shown_the_token() {
    for remote in ["127.0.0.1:9247", "192.0.2.1:9247"] {
        let answers = ["X_CAPS from key\nX_ADDR 192.0.2.7\n", "X_NICK alice YES\n"];
        let (written, events) = host_at(remote, true, &answers);
        assert!(!written.contains("amy-token"), "{written}");
        assert!(matches!(events[..], [Event::Online { .. }]), "{events:?}");
    }
}
