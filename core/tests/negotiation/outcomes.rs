//! Outcomes of the negotiation, by answer and by terms.

use xcher_core::code::CodeError;
use xcher_core::secure::{PublicKey, Side};
use xcher_core::session::{Event, Extensions, Terms};
use xcher_core::{Device, ProtocolError};

use crate::endpoint::{ALL, Endpoint, assert_encrypted, code, exchange, key, pair, pass, terms};

const PROBE: &str = "X_CHK //xcher/2";
const PROBE_LINE: &str = "X_CHK //xcher/2\n";
const YES: &str = "X_CHK //xcher/2 YES\n";
const NO: &str = "X_CHK //xcher/2 NO\n";
const SIDES: [Side; 2] = [Side::Caller, Side::Callee];

/// A side that receives `lines`, with changed terms.
fn side_that_received(side: Side, lines: &str, change: impl FnOnce(&mut Terms)) -> Endpoint {
    let mut terms = terms(side, 100);
    change(&mut terms);
    let mut endpoint = Endpoint::new(terms);
    endpoint.receive(lines.as_bytes());
    endpoint
}

fn unchanged(_: &mut Terms) {}

fn with(change: impl Fn(&mut Terms)) -> [Endpoint; 2] {
    SIDES.map(|side| {
        let mut terms = terms(side, 100);
        change(&mut terms);
        Endpoint::new(terms)
    })
}

#[test]
fn two_supporting_sides_are_encrypted() {
    let mut both = pair();
    exchange(&mut both, &mut pass);
    assert_encrypted(&both);
    assert_eq!(both[0].session.extensions(), ALL);
}

/// A base-protocol peer sees one question and then the base protocol.
#[test]
fn base_protocol_peer_sees_one_question() {
    let (mut a, mut b) = (Endpoint::new(terms(Side::Caller, 100)), Endpoint::base_protocol());
    assert_eq!(a.lines(), [PROBE]);
    b.receive(&a.take_output());
    assert!(matches!(b.events[..], [Event::InvalidQuestion { .. }]));
    a.receive(&b.take_output());
    assert!(a.is_unencrypted());
    b.receive(&a.take_output());
    a.receive(&b.take_output());
    assert!(a.is_served() && a.wire.is_empty() && b.wire.is_empty());
    assert_eq!(a.lines(), [PROBE, "X_CHK of A"]);
    assert_eq!(b.lines(), ["X_CHK //xcher/2 NO", "X_CHK of A NO"]);
}

#[test]
fn callee_waits_for_the_first_packet() {
    for first in ["X_FILELIST\n", "X_CHK a\n", "X_REQUEST a 1 40001\n"] {
        let b = side_that_received(Side::Callee, "", unchanged);
        assert!(b.lines().is_empty() && b.session.is_probing());
        let b = side_that_received(Side::Callee, first, unchanged);
        assert!(b.is_unencrypted());
        assert!(b.lines().iter().all(|line| !line.contains("//xcher") && !line.contains("CAPS")));
        assert!(b.events.contains(&Event::Question), "the packet was lost");
    }
}

#[test]
fn another_packet_counts_as_no() {
    let a = side_that_received(Side::Caller, "X_FILELIST\n", unchanged);
    assert!(a.is_unencrypted());
    assert_eq!(a.lines(), [PROBE, "X_CHK of A", "X_FILELIST EOF EOF"]);
}

#[test]
fn yes_or_probe_without_caps_is_an_error() {
    for then in ["X_FILELIST\n", "X_CAPS\n", "X_CHK x\n", PROBE_LINE, YES, NO] {
        for (side, first) in [(Side::Caller, YES), (Side::Callee, PROBE_LINE)] {
            let endpoint = side_that_received(side, &format!("{first}{then}"), unchanged);
            let error = Some(ProtocolError::EncryptionNotOffered);
            assert_eq!(endpoint.error, error, "{side:?}, {then:?}");
            assert!(endpoint.agreed().is_none() && !endpoint.is_served());
        }
    }
}

/// A peer shows by a line that it does not support extensions, and never by silence: without one a side
/// neither falls back nor sends anything more.
#[test]
fn silence_decides_nothing() {
    for (side, said) in [(Side::Caller, vec![PROBE]), (Side::Callee, vec![])] {
        for part in ["", "X", "X_CHK //xcher/2 N", "X_FILELIST"] {
            let endpoint = side_that_received(side, part, unchanged);
            assert!(endpoint.session.is_probing() && endpoint.events.is_empty(), "{part:?}");
            assert_eq!((endpoint.lines(), &endpoint.error), (said.clone(), &None));
        }
    }
}

#[test]
fn unknown_words_are_ignored_and_malformed_ones_are_an_error() {
    let a = side_that_received(
        Side::Caller,
        &format!("{YES}X_CAPS future passive secure x-9\n"),
        unchanged,
    );
    assert!(a.error.is_none() && a.lines().last().is_some_and(|last| last.starts_with("X_SECURE")));
    let many = "a ".repeat(64) + "a";
    for bad in ["", " ", "Secure", "secure  verify", "s\u{e9}cure", &many, &"a".repeat(33)] {
        for (side, first) in [(Side::Caller, YES), (Side::Callee, "X_CHK //xcher/2\n")] {
            let endpoint = side_that_received(side, &format!("{first}X_CAPS {bad}\n"), unchanged);
            let malformed = matches!(endpoint.error, Some(ProtocolError::Malformed { .. }));
            assert!(malformed, "{bad:?}: {:?}", endpoint.error);
        }
    }
}

#[test]
fn first_line_that_is_not_a_packet_is_an_error() {
    for side in SIDES {
        for bad in ["GET / HTTP/1.1\n", "X_CAPS secure\n", "X_SECURE AAAA\n", "\n", "X_CHK\n"] {
            assert!(side_that_received(side, bad, unchanged).error.is_some(), "{bad:?}");
        }
    }
}

#[test]
fn end_during_the_negotiation_ends_it() {
    let to_a =
        ["", YES, "X_CHK //xcher/2 YES\nX_CAPS secure\n"].map(|received| (Side::Caller, received));
    let to_b = ["", "X_CHK //xcher/2\n", "X_CHK //xcher/2\nX_CAPS secure\n"]
        .map(|received| (Side::Callee, received));
    for (side, received) in to_a.into_iter().chain(to_b) {
        let mut endpoint = side_that_received(side, &format!("{received}X_END\n"), |terms| {
            terms.require_encryption = true
        });
        assert_eq!(
            (endpoint.events.last(), &endpoint.error),
            (Some(&Event::End), &None),
            "{received:?}"
        );
        assert_eq!(endpoint.agreed(), None);
        endpoint.receive(b"X_FILELIST\n");
        assert!(matches!(endpoint.error, Some(ProtocolError::AfterEnd { .. })));
    }
}

/// One side's word is enough, unlike those of the extensions.
#[test]
fn each_side_learns_the_device_that_the_other_names() {
    for names in SIDES {
        let mut both = SIDES.map(|side| {
            let device = (side == names).then_some(Device::Tablet);
            Endpoint::new(Terms { device, ..terms(side, 100) })
        });
        exchange(&mut both, &mut pass);
        for (endpoint, side) in both.iter().zip(SIDES) {
            assert!(endpoint.is_served());
            let expected = (side != names).then_some(Device::Tablet);
            assert_eq!(endpoint.session.peer_device(), expected, "{side:?}");
        }
    }
}

/// A peer that answers the probe supports encryption, so an attacker removed the word.
#[test]
fn caps_without_secure_end_the_session() {
    for open in 0..2 {
        for required in [false, true] {
            let mut both = with(|terms| terms.require_encryption = required);
            let extensions = ALL.without(Extensions::SECURE);
            both[open] = Endpoint::new(Terms { extensions, ..terms(SIDES[open], 100) });
            exchange(&mut both, &mut pass);
            assert_eq!(both[1 - open].error, Some(ProtocolError::EncryptionNotOffered));
            assert!(
                both.iter().all(|endpoint| endpoint.agreed().is_none() && !endpoint.is_served())
            );
        }
    }
}

/// Covers every way to an unencrypted session.
#[test]
fn no_extension_is_in_force_in_an_unencrypted_session() {
    let no = side_that_received(Side::Caller, NO, unchanged);
    let asked = SIDES.map(|side| side_that_received(side, "X_FILELIST\n", unchanged));
    for mut endpoint in asked.into_iter().chain([no]) {
        assert!(endpoint.is_unencrypted());
        assert_eq!(endpoint.session.extensions(), Extensions::default());
        endpoint.receive(
            b"X_CHK q\nX_CAPS secure offer stat batch device-phone\nX_OFFER a 1 - -\nX_STAT a 1 - -\n",
        );
        assert_eq!(endpoint.session.peer_device(), None);
        let extra = |event: &Event| matches!(event, Event::Offered { .. } | Event::Entry { .. });
        assert!(!endpoint.events.iter().any(extra) && endpoint.error.is_none());
    }
}

#[test]
fn required_encryption_never_falls_back() {
    let expected = Some(key(Side::Caller));
    let insist: [fn(&mut Terms); 3] = [
        |terms| terms.require_encryption = true,
        |terms| terms.expected_key = Some(key(Side::Callee)),
        |terms| terms.code = code("crossover-clockwork-universe"),
    ];
    for change in insist {
        for (side, received) in
            [(Side::Caller, NO), (Side::Caller, "X_FILELIST\n"), (Side::Callee, "X_FILELIST\n")]
        {
            let endpoint = side_that_received(side, received, change);
            assert_eq!(endpoint.error, Some(ProtocolError::Unencrypted), "{received:?}");
            assert_eq!(endpoint.agreed(), None);
            let quiet = |line: &&str| line.contains("//xcher/2") || line.starts_with("X_CAPS");
            assert!(endpoint.lines().iter().all(quiet), "{:?}", endpoint.lines());
        }
    }
    let mut both = with(|terms| terms.require_encryption = true);
    exchange(&mut both, &mut pass);
    assert_encrypted(&both);
    assert_ne!(expected, Some(key(Side::Callee)));
}

#[test]
fn only_the_expected_key_is_accepted() {
    for side in SIDES {
        for (expected, right) in [(key(side.other()), true), (PublicKey::new([9; 32]), false)] {
            let mut both = SIDES.map(|this| {
                let mut terms = terms(this, 100);
                terms.expected_key = (this == side).then_some(expected);
                Endpoint::new(terms)
            });
            exchange(&mut both, &mut pass);
            let [it, other] = match side {
                Side::Caller => [&both[0], &both[1]],
                Side::Callee => [&both[1], &both[0]],
            };
            if right {
                assert_encrypted(&both);
                continue;
            }
            let got = key(side.other());
            assert_eq!(it.error, Some(ProtocolError::KeyChanged { expected, got }));
            assert!(it.agreed().is_none() && !other.is_served());
            // A host with the wrong key does not learn the caller's.
            assert!(side == Side::Callee || other.agreed().is_none());
        }
    }
}

#[test]
fn both_sides_must_know_the_same_code() {
    let with_codes = |a: Option<&str>, b: Option<&str>| {
        let mut both = [(Side::Caller, a), (Side::Callee, b)].map(|(side, words)| {
            Endpoint::new(Terms { code: words.and_then(code), ..terms(side, 100) })
        });
        exchange(&mut both, &mut pass);
        both
    };
    let right = Some("crossover-clockwork-universe");
    let both = with_codes(right, right);
    assert_encrypted(&both);
    assert!(both.iter().all(|endpoint| endpoint.events.contains(&Event::Authenticated)));
    // Only the proof and the safety words come before other lines.
    let b = both[1].lines();
    let first = b.iter().position(|line| line.starts_with("X_CHK of")).unwrap();
    let proof = |line: &&&str| line.starts_with("X_AUTH");
    assert_eq!(b[..first].iter().filter(proof).count(), 2);

    let wrong = ProtocolError::Code(CodeError::Wrong);
    let both = with_codes(Some("crossover-acme-universe"), right);
    assert_eq!((&both[0].error, &both[1].error), (&Some(wrong.clone()), &Some(wrong)));
    assert_eq!(both[1].lines().last(), Some(&"X_AUTH NO"));
    assert!(!both[0].is_served() && !both[1].is_served());

    // A caller without the code gets no answer.
    let both = with_codes(None, right);
    assert!(matches!(both[1].error, Some(ProtocolError::Malformed { .. })), "{:?}", both[1].error);
    assert!(!both[0].is_served());
    // A callee without a code does not answer the proof.
    let both = with_codes(right, None);
    assert!(!both[0].events.contains(&Event::Authenticated) && !both[1].is_served());

    let mut both = [
        Endpoint::new(Terms {
            code: code("crossover-clockwork-universe"),
            ..terms(Side::Caller, 100)
        }),
        Endpoint::new(Terms {
            extensions: ALL.without(Extensions::CODE),
            ..terms(Side::Callee, 100)
        }),
    ];
    exchange(&mut both, &mut pass);
    assert_eq!(both[0].error, Some(ProtocolError::NoCode));
}
