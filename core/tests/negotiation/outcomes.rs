//! How a negotiation ends, by what is answered and what is asked for.

use xcher_core::ProtocolError;
use xcher_core::code::CodeError;
use xcher_core::secure::{PublicKey, Side};
use xcher_core::session::{Event, Extensions, Terms};

use crate::talker::{ALL, Talker, assert_private, code, key, pair, pass, talk, terms};

const PROBE: &str = "X_CHK //xcher/2";
const YES: &str = "X_CHK //xcher/2 YES\n";
const NO: &str = "X_CHK //xcher/2 NO\n";
const SIDES: [Side; 2] = [Side::Caller, Side::Callee];

/// A or B of these terms hears this.
fn hears(side: Side, lines: &str, change: impl FnOnce(&mut Terms)) -> Talker {
    let mut terms = terms(side, 100);
    change(&mut terms);
    let mut talker = Talker::new(terms);
    talker.hear(lines.as_bytes());
    talker
}

fn as_is(_: &mut Terms) {}

fn with(change: impl Fn(&mut Terms)) -> [Talker; 2] {
    SIDES.map(|side| {
        let mut terms = terms(side, 100);
        change(&mut terms);
        Talker::new(terms)
    })
}

#[test]
fn two_that_know_it_speak_in_private() {
    let mut both = pair();
    talk(&mut both, &mut pass);
    assert_private(&both);
    assert_eq!(both[0].session.extensions(), ALL);
}

/// What a peer of sections 1 to 4 sees of one that knows more: one question, and then the six packets.
#[test]
fn one_of_the_six_packets_sees_one_question() {
    let (mut a, mut b) = (Talker::new(terms(Side::Caller, 100)), Talker::plain());
    assert_eq!(a.lines(), [PROBE]);
    b.hear(&a.say());
    assert!(matches!(b.events[..], [Event::InvalidQuestion { .. }]));
    a.hear(&b.say());
    assert!(a.is_plain());
    b.hear(&a.say());
    a.hear(&b.say());
    assert!(a.is_served() && a.wire.is_empty() && b.wire.is_empty());
    assert_eq!(a.lines(), [PROBE, "X_CHK of A"]);
    assert_eq!(b.lines(), ["X_CHK //xcher/2 NO", "X_CHK of A NO"]);
}

/// And one that is called by such a peer says nothing of itself at all.
#[test]
fn one_that_is_called_waits_for_the_first_packet() {
    for first in ["X_FILELIST\n", "X_CHK a\n", "X_REQUEST a 1 40001\n"] {
        let b = hears(Side::Callee, "", as_is);
        assert!(b.lines().is_empty() && b.session.is_probing());
        let b = hears(Side::Callee, first, as_is);
        assert!(b.is_plain());
        assert!(b.lines().iter().all(|line| !line.contains("//xcher") && !line.contains("CAPS")));
        assert!(b.events.contains(&Event::Question), "the packet itself counts");
    }
}

#[test]
fn another_packet_is_a_no() {
    let a = hears(Side::Caller, "X_FILELIST\n", as_is);
    assert!(a.is_plain());
    assert_eq!(a.lines(), [PROBE, "X_CHK of A", "X_FILELIST EOF EOF"]);
}

#[test]
fn a_yes_without_words_is_an_error_and_a_question_without_is_given_up() {
    for then in ["X_FILELIST\n", "X_CAPS\n", "X_CHK x\n"] {
        let a = hears(Side::Caller, &format!("{YES}{then}"), as_is);
        assert_eq!(a.error, Some(ProtocolError::EncryptionNotOffered), "{then:?}");
        let b = hears(Side::Callee, &format!("{PROBE}\n{then}"), as_is);
        assert!(b.is_plain(), "{then:?}: {:?}", b.error);
    }
}

#[test]
fn words_of_later_versions_say_nothing_and_bad_ones_are_an_error() {
    let a = hears(Side::Caller, &format!("{YES}X_CAPS future passive secure x-9\n"), as_is);
    assert!(a.error.is_none() && a.lines().last().is_some_and(|last| last.starts_with("X_SECURE")));
    let many = "a ".repeat(64) + "a";
    for bad in ["", " ", "Secure", "secure  verify", "s\u{e9}cure", &many, &"a".repeat(33)] {
        for (side, first) in [(Side::Caller, YES), (Side::Callee, "X_CHK //xcher/2\n")] {
            let talker = hears(side, &format!("{first}X_CAPS {bad}\n"), as_is);
            let malformed = matches!(talker.error, Some(ProtocolError::Malformed { .. }));
            assert!(malformed, "{bad:?}: {:?}", talker.error);
        }
    }
}

#[test]
fn a_strangers_first_line_is_an_error() {
    for side in SIDES {
        for bad in ["GET / HTTP/1.1\n", "X_CAPS secure\n", "X_SECURE AAAA\n", "\n", "X_CHK\n"] {
            assert!(hears(side, bad, as_is).error.is_some(), "{bad:?}");
        }
    }
}

#[test]
fn an_end_in_the_middle_is_an_end() {
    let to_a = ["", YES, "X_CHK //xcher/2 YES\nX_CAPS secure\n"].map(|told| (Side::Caller, told));
    let to_b = ["", "X_CHK //xcher/2\n", "X_CHK //xcher/2\nX_CAPS secure\n"]
        .map(|told| (Side::Callee, told));
    for (side, told) in to_a.into_iter().chain(to_b) {
        let mut talker =
            hears(side, &format!("{told}X_END\n"), |terms| terms.require_encryption = true);
        assert_eq!((talker.events.last(), &talker.error), (Some(&Event::End), &None), "{told:?}");
        assert_eq!(talker.agreed(), None);
        talker.hear(b"X_FILELIST\n");
        assert!(matches!(talker.error, Some(ProtocolError::AfterEnd { .. })));
    }
}

/// Nobody who knows the question speaks unencrypted: someone in between took the word out.
#[test]
fn one_that_names_no_encryption_gets_no_session() {
    for open in 0..2 {
        for required in [false, true] {
            let mut both = with(|terms| terms.require_encryption = required);
            let extensions = ALL.without(Extensions::SECURE);
            both[open] = Talker::new(Terms { extensions, ..terms(SIDES[open], 100) });
            talk(&mut both, &mut pass);
            assert_eq!(both[1 - open].error, Some(ProtocolError::EncryptionNotOffered));
            assert!(both.iter().all(|talker| talker.agreed().is_none() && !talker.is_served()));
        }
    }
}

/// Without keys no extension is in force, whichever way the unencrypted session came about.
#[test]
fn nothing_is_in_force_in_an_unencrypted_session() {
    let mut silent = hears(Side::Caller, "", as_is);
    silent.wait();
    let mut late = hears(Side::Callee, "", as_is);
    late.wait();
    let no = hears(Side::Caller, NO, as_is);
    let given_up = hears(Side::Callee, "X_CHK //xcher/2\nX_FILELIST\n", as_is);
    for mut talker in [silent, late, no, given_up] {
        assert!(talker.is_plain());
        assert_eq!(talker.session.extensions(), Extensions::default());
        talker.hear(b"X_CHK q\nX_CAPS secure offer stat batch\nX_OFFER a 1 - -\nX_STAT a 1 - -\n");
        let extra = |event: &Event| matches!(event, Event::Offered { .. } | Event::Entry { .. });
        assert!(!talker.events.iter().any(extra) && talker.error.is_none());
    }
}

#[test]
fn who_insists_never_speaks_in_the_clear() {
    let expected = Some(key(Side::Caller));
    let insist: [fn(&mut Terms); 3] = [
        |terms| terms.require_encryption = true,
        |terms| terms.expected_key = Some(key(Side::Callee)),
        |terms| terms.code = code("crossover-clockwork-universe"),
    ];
    for change in insist {
        for (side, told) in [
            (Side::Caller, NO),
            (Side::Caller, "X_FILELIST\n"),
            (Side::Callee, "X_FILELIST\n"),
            (Side::Callee, "X_CHK //xcher/2\nX_FILELIST\n"),
        ] {
            let talker = hears(side, told, change);
            assert_eq!(talker.error, Some(ProtocolError::Unencrypted), "{told:?}");
            assert_eq!(talker.agreed(), None);
            let quiet = |line: &&str| line.contains("//xcher/2") || line.starts_with("X_CAPS");
            assert!(talker.lines().iter().all(quiet), "{:?}", talker.lines());
        }
        let mut silent = hears(Side::Caller, "", change);
        silent.wait();
        assert_eq!(silent.error, Some(ProtocolError::Unencrypted));
    }
    let mut both = with(|terms| terms.require_encryption = true);
    talk(&mut both, &mut pass);
    assert_private(&both);
    assert_ne!(expected, Some(key(Side::Callee)));
}

#[test]
fn the_key_that_is_expected_is_the_one_that_is_taken() {
    for side in SIDES {
        for (expected, right) in [(key(side.other()), true), (PublicKey::new([9; 32]), false)] {
            let mut both = SIDES.map(|this| {
                let mut terms = terms(this, 100);
                terms.expected_key = (this == side).then_some(expected);
                Talker::new(terms)
            });
            talk(&mut both, &mut pass);
            let [it, other] = match side {
                Side::Caller => [&both[0], &both[1]],
                Side::Callee => [&both[1], &both[0]],
            };
            if right {
                assert_private(&both);
                continue;
            }
            let got = key(side.other());
            assert_eq!(it.error, Some(ProtocolError::KeyChanged { expected, got }));
            assert!(it.agreed().is_none() && !other.is_served());
            // Who is not who it should be does not learn who asks.
            assert!(side == Side::Callee || other.agreed().is_none());
        }
    }
}

#[test]
fn both_must_know_the_same_code() {
    let told = |a: Option<&str>, b: Option<&str>| {
        let mut both = [(Side::Caller, a), (Side::Callee, b)].map(|(side, words)| {
            Talker::new(Terms { code: words.and_then(code), ..terms(side, 100) })
        });
        talk(&mut both, &mut pass);
        both
    };
    let right = Some("crossover-clockwork-universe");
    let both = told(right, right);
    assert_private(&both);
    assert!(both.iter().all(|talker| talker.events.contains(&Event::Authenticated)));
    // Nothing but the proof and the safety words before it.
    let b = both[1].lines();
    let first = b.iter().position(|line| line.starts_with("X_CHK of")).unwrap();
    let proof = |line: &&&str| line.starts_with("X_AUTH");
    assert_eq!(b[..first].iter().filter(proof).count(), 2);

    let wrong = ProtocolError::Code(CodeError::Wrong);
    let both = told(Some("crossover-acme-universe"), right);
    assert_eq!((&both[0].error, &both[1].error), (&Some(wrong.clone()), &Some(wrong)));
    assert_eq!(both[1].lines().last(), Some(&"X_AUTH NO"));
    assert!(!both[0].is_served() && !both[1].is_served());

    // Without a code: whatever is asked stays without an answer.
    let both = told(None, right);
    assert!(matches!(both[1].error, Some(ProtocolError::Malformed { .. })), "{:?}", both[1].error);
    assert!(!both[0].is_served());
    // One that asks for none does not answer the proof: nothing is taken for one.
    let both = told(right, None);
    assert!(!both[0].events.contains(&Event::Authenticated) && !both[1].is_served());

    let mut both = [
        Talker::new(Terms {
            code: code("crossover-clockwork-universe"),
            ..terms(Side::Caller, 100)
        }),
        Talker::new(Terms {
            extensions: ALL.without(Extensions::CODE),
            ..terms(Side::Callee, 100)
        }),
    ];
    talk(&mut both, &mut pass);
    assert_eq!(both[0].error, Some(ProtocolError::NoCode));
}
