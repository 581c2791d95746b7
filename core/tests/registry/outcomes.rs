//! What became of packets, as the relay's operator counts and logs it.

use xcher_core::registry::{Asked, CallPath, Outcome, Rule};

use super::*;

fn refused(asked: Asked, rule: Rule) -> Outcome {
    Outcome::Refused { asked, rule }
}

/// Takes the outcomes of one client's packets.
fn outcomes(relay: &mut Relay, of: ConnId) -> Vec<Outcome> {
    let all = std::mem::take(&mut relay.outcomes);
    all.into_iter().filter(|(conn, _)| *conn == of).map(|(_, outcome)| outcome).collect()
}

#[test]
fn every_call_has_one_outcome() {
    let mut relay = two();
    relay.outcomes.clear();
    for (line, outcome) in [
        ("X_INIT bob 127.0.0.1 5000", Outcome::Called { callee: Some(BOB) }),
        ("X_INIT carol 127.0.0.1 5000", refused(Asked::Init, Rule::NoSuchNick)),
        ("X_INIT 4821 127.0.0.1 5000", refused(Asked::Init, Rule::NoSuchNick)),
        ("X_INIT bob 192.0.2.9 5000", refused(Asked::Init, Rule::Address)),
        ("X_INIT bob", refused(Asked::Init, Rule::Syntax)),
    ] {
        relay.send(ALICE, &format!("{line}\n"));
        assert_eq!(outcomes(&mut relay, ALICE), [outcome], "{line}");
    }
    for _ in 0..20 {
        relay.send(ALICE, "X_INIT carol 127.0.0.1 5000\n");
    }
    let all = outcomes(&mut relay, ALICE);
    assert_eq!(all.len(), 20);
    assert_eq!(all.last(), Some(&refused(Asked::Init, Rule::GuessRate)));
}

#[test]
fn a_caller_tells_as_many_paths_as_it_made_calls() {
    let mut relay = two();
    relay.outcomes.clear();
    let connected = |path| Outcome::Connected { path };
    for (line, outcome) in [
        ("X_PATH direct", None),
        ("X_INIT carol 127.0.0.1 5000", Some(refused(Asked::Init, Rule::NoSuchNick))),
        ("X_PATH direct", None),
        ("X_INIT bob 127.0.0.1 5000", Some(Outcome::Called { callee: Some(BOB) })),
        ("X_PATH somehow", None),
        ("X_PATH punched", Some(connected(CallPath::Punched))),
        ("X_PATH direct", None),
        ("X_PATH", Some(refused(Asked::Path, Rule::Syntax))),
    ] {
        relay.send(ALICE, &format!("{line}\n"));
        assert_eq!(outcomes(&mut relay, ALICE), Vec::from_iter(outcome), "{line}");
        assert_eq!(relay.closed(ALICE), None);
    }
    for path in CallPath::ALL {
        relay.send(ALICE, "X_INIT bob 127.0.0.1 5000\n");
        relay.outcomes.clear();
        relay.send(ALICE, &format!("X_PATH {}\n", path.label()));
        assert_eq!(outcomes(&mut relay, ALICE), [connected(path)]);
    }
}

#[test]
fn nicks_and_errors_have_outcomes_and_answers_have_none() {
    let mut relay = two();
    relay.outcomes.clear();
    relay.connect(CAROL);
    for (line, outcome) in [
        ("X_WHO", None),
        ("X_PING 1", None),
        ("X_ADDR", None),
        ("X_INIT bob 127.0.0.1 5000", Some(refused(Asked::Init, Rule::NickFirst))),
        ("X_NICK Bob", Some(refused(Asked::Nick, Rule::NickTaken))),
        ("X_NICK EOF", Some(refused(Asked::Nick, Rule::NickInvalid))),
        ("X_NICK carol", Some(Outcome::Registered)),
        ("X_NICK carol", Some(refused(Asked::Nick, Rule::NotDue))),
        ("X_WHAT", Some(refused(Asked::Other, Rule::UnknownVerb))),
        ("X_KEY a", Some(refused(Asked::Key, Rule::UnknownVerb))),
        ("X_MEET a", Some(refused(Asked::Meet, Rule::UnknownVerb))),
        ("GET / HTTP/1.1", Some(refused(Asked::Other, Rule::NotXcher))),
    ] {
        relay.send(CAROL, &format!("{line}\n"));
        assert_eq!(outcomes(&mut relay, CAROL), Vec::from_iter(outcome), "{line}");
    }
    relay.send(CAROL, &"X".repeat(9000));
    assert_eq!(outcomes(&mut relay, CAROL), [refused(Asked::Other, Rule::BadLine)]);
    assert_eq!(relay.closed(CAROL), Some(CloseReason::BadLine));
}

#[test]
fn each_rate_has_its_rule() {
    let limits =
        RelayLimits { asks_per_minute: 1, answer_bytes_per_minute: 300, ..RelayLimits::default() };
    let mut relay = Relay::new(limits);
    relay.register(ALICE, "alice");
    relay.outcomes.clear();
    for _ in 0..2 {
        relay.send(ALICE, "X_PING 1\n");
    }
    assert_eq!(outcomes(&mut relay, ALICE), [refused(Asked::Ping, Rule::AnswerRate)]);
    for _ in 0..2 {
        relay.send(ALICE, "X_INIT alice 127.0.0.1 5000\n");
    }
    let called = Outcome::Called { callee: Some(ALICE) };
    assert_eq!(outcomes(&mut relay, ALICE), [called, refused(Asked::Init, Rule::AskRate)]);
}
