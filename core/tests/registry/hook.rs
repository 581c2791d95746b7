//! The operator's hook: whoever is asked about waits, and nobody else.

use xcher_core::peer::Event;
use xcher_core::registry::{Asked, Decision, HookFailure, QuestionId, Rule};
use xcher_core::secure::Identity;

use super::keys::{Host, host_key};
use super::users::{set, user};
use super::*;

fn hooked(on_failure: HookFailure) -> Relay {
    let registry = Registry::new(RelayLimits::default(), [7; 32])
        .with_identity(Identity::new([9; 32]))
        .with_hook(on_failure);
    Relay { registry, ..relay() }
}

impl Relay {
    /// Takes the only question.
    fn question(&mut self) -> Question {
        assert_eq!(self.questions.len(), 1, "{:?}", self.questions);
        self.questions.remove(0)
    }

    fn decide(&mut self, question: QuestionId, decision: Decision<'_>) {
        self.handle(Input::Decided { question, decision });
    }

    /// Answers all questions.
    fn decide_all(&mut self, decision: Decision<'_>) {
        while !self.questions.is_empty() {
            let question = self.questions.remove(0).id;
            self.decide(question, decision);
        }
    }
}

#[test]
fn a_client_waits_for_both_decisions_and_its_lines_with_it() {
    let mut relay = hooked(HookFailure::Deny);
    relay.connect_from(ALICE, "[::ffff:192.0.2.1]:5000");
    assert_eq!(relay.questions, [], "nothing is asked about a client that is silent");
    assert_eq!(relay.ask(ALICE, "X_NICK alice\nX_PING 1"), "");
    let question = relay.question();
    assert_eq!((question.conn, question.nick, question.key), (ALICE, None, None));
    assert_eq!(question.address.to_string(), "192.0.2.1");
    relay.decide(question.id, Decision::Allow);
    let question = relay.question();
    assert_eq!(question.nick.as_ref().map(|nick| nick.as_str()), Some("alice"));
    assert_eq!(relay.output(ALICE), "");
    relay.decide(question.id, Decision::Allow);
    assert_eq!(relay.output(ALICE), "X_NICK alice YES\nX_PONG 1\n");
    // An answer that comes again, and one to nothing.
    for id in [question.id, QuestionId(99)] {
        relay.decide(id, Decision::Deny("late"));
    }
    assert_eq!((relay.closed(ALICE), relay.output(ALICE).as_str()), (None, ""));
}

#[test]
fn refusals_say_why_escaped_and_shortened() {
    let mut relay = hooked(HookFailure::Deny);
    relay.connect(ALICE);
    relay.send(ALICE, "X_NICK alice\n");
    let question = relay.question().id;
    relay.decide(question, Decision::Deny("no\r\nX_NICK alice YES\u{202e}"));
    assert_eq!(relay.output(ALICE), "X_ERR - refused: \"no\\r\\nX_NICK alice YES\\u{202e}\"\n");
    assert_eq!(relay.closed(ALICE), Some(CloseReason::Hook));
    let refusal = Outcome::Refused { asked: Asked::Other, rule: Rule::Hook };
    assert_eq!(relay.outcomes, [(ALICE, refusal)]);

    relay.connect(BOB);
    relay.send(BOB, "X_NICK bob\n");
    let question = relay.question().id;
    relay.decide(question, Decision::Allow);
    let (question, long) = (relay.question().id, "x".repeat(9000));
    relay.decide(question, Decision::Deny(&long));
    let answer = relay.output(BOB);
    assert!(answer.starts_with("X_ERR X_NICK refused: \"xxx") && answer.len() < 200, "{answer}");
    // It costs an attempt, and another nick is another question.
    relay.send(BOB, "X_NICK bobby\n");
    let question = relay.question().id;
    relay.decide(question, Decision::Deny(""));
    assert_eq!(
        relay.output(BOB),
        "X_ERR X_NICK refused: this relay's operator does not admit you\n"
    );
    for _ in 0..3 {
        relay.send(BOB, "X_NICK bob\n");
        relay.decide_all(Decision::Deny(""));
    }
    assert_eq!(relay.closed(BOB), Some(CloseReason::NickTries));
}

#[test]
fn without_an_answer_the_operators_choice_decides() {
    for (on_failure, nick) in [(HookFailure::Deny, None), (HookFailure::Allow, Some("alice"))] {
        let mut relay = hooked(on_failure);
        relay.connect(ALICE);
        relay.send(ALICE, "X_NICK alice\n");
        relay.decide_all(Decision::Failed);
        assert_eq!(relay.registry.nick(ALICE).map(|nick| nick.as_str()), nick);
        if on_failure == HookFailure::Deny {
            assert!(relay.output(ALICE).contains("cannot find out if you may use it"));
            assert_eq!(relay.closed(ALICE), Some(CloseReason::Hook));
        }
    }
}

#[test]
fn a_client_that_waits_stops_no_other_and_may_leave() {
    let mut relay = hooked(HookFailure::Deny);
    relay.connect(ALICE);
    relay.send(ALICE, "X_NICK alice\n");
    relay.decide_all(Decision::Allow);
    relay.output(ALICE);
    relay.connect(BOB);
    relay.send(BOB, "X_NICK bob\n");
    assert_eq!(relay.ask(ALICE, "X_PING 1"), "X_PONG 1\n");
    let question = relay.question().id;
    relay.handle(Input::Closed { conn: BOB });
    relay.decide(question, Decision::Allow);
    assert_eq!((relay.questions.len(), relay.registry.connections()), (0, 1));
    // Nor does it wait for ever, nor send what it likes meanwhile.
    relay.connect(CAROL);
    relay.send(CAROL, "X_NICK carol\n");
    relay.wait(seconds(61));
    assert_eq!(relay.closed(CAROL), Some(CloseReason::NoNick));
    let eve = ConnId(9);
    relay.connect(eve);
    for _ in 0..70 {
        relay.send(eve, &format!("X_PING {}\n", "x".repeat(1000)));
    }
    assert_eq!(relay.closed(eve), Some(CloseReason::TooMuchAhead));
}

#[test]
fn a_nick_that_was_taken_meanwhile_is_taken() {
    let mut relay = hooked(HookFailure::Deny);
    for conn in [ALICE, BOB] {
        relay.connect(conn);
        relay.send(conn, "X_NICK kim\n");
    }
    let both: Vec<_> = relay.questions.drain(..).map(|question| question.id).collect();
    both.into_iter().for_each(|id| relay.decide(id, Decision::Allow));
    relay.decide_all(Decision::Allow);
    assert_eq!(relay.output(ALICE), "X_NICK kim YES\n");
    assert_eq!(relay.output(BOB), "X_NICK kim NO\n");
}

#[test]
fn a_host_is_made_to_prove_its_key_and_asked_about_with_it() {
    let mut relay = hooked(HookFailure::Deny);
    let mut bob = Host::new(&["bob"], Some(1), BOB).connect(&mut relay);
    let mut keys = Vec::new();
    while !relay.questions.is_empty() {
        let Question { id, nick, key, .. } = relay.question();
        let decision = match (nick, key) {
            (Some(_), None) => Decision::NeedKey,
            _ => Decision::Allow,
        };
        keys.push(key);
        relay.decide(id, decision);
        bob.turn(&mut relay);
    }
    assert_eq!(keys, [None, None, Some(host_key(1))]);
    assert!(matches!(bob.events.last(), Some(Event::Online { .. })), "{:?}", bob.events);
    // One that cannot is told.
    relay.connect(CAROL);
    relay.send(CAROL, "X_NICK carol\nX_NICK carol\n");
    for decision in [Decision::Allow, Decision::NeedKey, Decision::NeedKey] {
        let question = relay.question().id;
        relay.decide(question, decision);
    }
    let answers = relay.output(CAROL);
    assert!(answers.starts_with("X_NICK carol NO\nX_ERR X_NICK refused: prove a key"), "{answers}");
}

#[test]
fn nobody_is_asked_about_a_bridges_connection_which_was_its_tunnels() {
    let mut relay = hooked(HookFailure::Deny);
    relay.connect(ALICE);
    relay.handle(Input::Bridged { conn: ALICE });
    relay.send(ALICE, "X_NICK alice\n");
    let question = relay.question();
    assert!(question.nick.is_some());
    relay.decide(question.id, Decision::Allow);
    assert_eq!(relay.output(ALICE), "X_NICK alice YES\n");
}

#[test]
fn the_hook_learns_the_user_and_a_nick_that_it_lost_meanwhile_is_refused() {
    let mut relay = hooked(HookFailure::Deny);
    set(&mut relay, [user("amy", None, &["amy*"])], None);
    relay.connect(ALICE);
    relay.send(ALICE, "X_CAPS token\nX_TOKEN amy-token\nX_NICK amy-1\n");
    let question = relay.question();
    assert_eq!(question.user, None, "it has not shown its token yet");
    relay.decide(question.id, Decision::Allow);
    let question = relay.question();
    assert_eq!(question.user.map(|user| user.to_string()).as_deref(), Some("amy"));
    set(&mut relay, [user("amy", None, &["kim"])], None);
    relay.output(ALICE);
    relay.decide(question.id, Decision::Allow);
    let answer = relay.output(ALICE);
    assert!(answer.starts_with("X_ERR X_NICK refused:"), "{answer}");
    assert_eq!(relay.registry.nick(ALICE), None);
}
