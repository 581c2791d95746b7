//! Registration of nicks.

use super::*;

#[test]
fn free_nick_is_given_and_taken_nick_is_not() {
    let mut relay = two();
    relay.connect(CAROL);
    assert_eq!(relay.ask(CAROL, "X_NICK bob"), "X_NICK bob NO\n");
    assert_eq!(relay.ask(CAROL, "X_NICK carol"), "X_NICK carol YES\n");
    assert_eq!(relay.registry.nick(CAROL).unwrap().as_str(), "carol");
}

#[test]
fn invalid_nick_gets_no() {
    let mut relay = relay();
    relay.connect(ALICE);
    assert_eq!(relay.ask(ALICE, "X_NICK a/b"), "X_NICK a/b NO\n");
    assert_eq!(relay.ask(ALICE, "X_NICK EOF"), "X_NICK EOF NO\n");
    assert_eq!(
        relay.ask(ALICE, "X_NICK a b"),
        "X_ERR X_NICK expected X_NICK nick, got \"X_NICK a b\"\n"
    );
    let long = relay.ask(ALICE, &format!("X_NICK {}", "a".repeat(8000)));
    assert!(long.starts_with("X_ERR X_NICK expected a nick of 1 to 32"), "{long}");
    assert!(long.len() < 400, "{long}");
    assert_eq!(relay.ask(ALICE, "X_NICK alice"), "X_NICK alice YES\n");
}

#[test]
fn fifth_attempt_at_a_nick_is_the_last() {
    for (bad, reason) in [
        ("X_NICK bob", "no free nick within 5 attempts"),
        ("X_NICK", "expected X_NICK nick, got "),
        ("X_NICK a b", "expected X_NICK nick, got "),
    ] {
        let mut relay = two();
        relay.connect(CAROL);
        for _ in 0..4 {
            relay.ask(CAROL, bad);
            assert_eq!(relay.closed(CAROL), None);
        }
        let last = relay.ask(CAROL, bad);
        let reason = format!("X_ERR X_NICK {reason}");
        assert!(last.lines().last().unwrap().starts_with(&reason), "{last}");
        assert_eq!(relay.closed(CAROL), Some(CloseReason::NickTries));
    }
}

#[test]
fn connection_has_one_nick() {
    let mut relay = two();
    assert_eq!(
        relay.ask(ALICE, "X_NICK alice2"),
        "X_ERR X_NICK this connection already has the nick alice\n"
    );
    assert_eq!(
        relay.ask(BOB, "X_INIT alice2 127.0.0.1 4000"),
        "X_ERR X_INIT no such nick: alice2\n"
    );
}

#[test]
fn nick_is_free_when_its_connection_ends() {
    let mut relay = two();
    relay.handle(Input::Closed { conn: BOB });
    assert_eq!(relay.ask(ALICE, "X_INIT bob 127.0.0.1 4000"), "X_ERR X_INIT no such nick: bob\n");
    relay.register(CAROL, "bob");
}

#[test]
fn look_alike_nick_is_taken() {
    let mut relay = relay();
    relay.register(ALICE, "kim");
    relay.connect(BOB);
    for alike in ["Kim", "k\u{456}m", "\u{ff4b}\u{ff49}\u{ff4d}"] {
        assert_eq!(relay.ask(BOB, &format!("X_NICK {alike}")), format!("X_NICK {alike} NO\n"));
    }
    relay.handle(Input::Closed { conn: ALICE });
    assert_eq!(relay.ask(BOB, "X_NICK Kim"), "X_NICK Kim YES\n");
}

#[test]
fn call_reaches_a_nick_in_any_case_and_no_look_alike() {
    let mut relay = two();
    let init = "X_INIT BOB 127.0.0.1 4000";
    assert_eq!(relay.ask(ALICE, init), "");
    assert_eq!(relay.output(BOB), format!("{init}\n"));
    assert_eq!(
        relay.ask(ALICE, "X_INIT b\u{43e}b 127.0.0.1 4000"),
        "X_ERR X_INIT no such nick: b\u{43e}b; the look-alike bob is online\n"
    );
    assert_eq!(relay.output(BOB), "");
}
