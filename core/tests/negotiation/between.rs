//! Someone in between: what is changed is noticed, and how it is split makes no difference.

use xcher_core::secure::Side;
use xcher_core::session::{Event, Terms};
use xcher_core::{Nick, ProtocolError};

use crate::talker::{Talker, assert_private, code, key, pair, pass, talk, terms};

const SIDES: [Side; 2] = [Side::Caller, Side::Callee];

/// Two who insist, and know each other.
fn strict() -> [Talker; 2] {
    SIDES.map(|side| {
        let expected = Some(key(side.other()));
        Talker::new(Terms { require_encryption: true, expected_key: expected, ..terms(side, 100) })
    })
}

fn with_code() -> [Talker; 2] {
    SIDES.map(|side| {
        Talker::new(Terms { code: code("crossover-clockwork-universe"), ..terms(side, 100) })
    })
}

/// How many bytes each side says if nobody is in between.
fn lengths(new: fn() -> [Talker; 2]) -> [usize; 2] {
    let mut lengths = [0; 2];
    let mut both = new();
    talk(&mut both, &mut |from, bytes| {
        lengths[usize::from(from == Side::Callee)] += bytes.len();
        vec![bytes]
    });
    assert_private(&both);
    lengths
}

/// Changes one byte of what `from` says.
fn flip(new: fn() -> [Talker; 2], from: Side, at: usize, bit: u8) -> [Talker; 2] {
    let mut passed = 0;
    let mut both = new();
    talk(&mut both, &mut |side, mut bytes| {
        if side == from {
            if (passed..passed + bytes.len()).contains(&at) {
                bytes[at - passed] ^= 1 << bit;
            }
            passed += bytes.len();
        }
        vec![bytes]
    });
    both
}

fn assert_noticed(both: &[Talker; 2], place: &str) {
    let all = |holds: fn(&Talker) -> bool| both.iter().all(holds);
    let private = all(|talker| talker.agreed().is_some_and(|key| key.is_some()));
    let well =
        all(|talker| talker.error.is_none() && talker.is_served() && talker.words().is_some());
    assert!(!(private && well), "{place}: nobody noticed");
    for (talker, side) in both.iter().zip(SIDES) {
        if let Some(Some(got)) = talker.agreed() {
            assert_eq!(got, key(side.other()), "{place}: with someone else");
        }
    }
    if let [Some(a), Some(b)] = both.each_ref().map(Talker::words) {
        assert_eq!(a, b, "{place}: other words");
    }
}

#[test]
fn every_bit_matters() {
    for (side, length) in SIDES.into_iter().zip(lengths(pair)) {
        for at in 0..length {
            for bit in 0..8 {
                let both = flip(pair, side, at, bit);
                assert_noticed(&both, &format!("{side:?} {at} {bit}"));
            }
        }
    }
}

#[test]
fn nothing_that_is_changed_makes_who_insists_speak_in_the_clear() {
    for (side, length) in SIDES.into_iter().zip(lengths(strict)) {
        for at in 0..length {
            let both = flip(strict, side, at, at as u8 % 8);
            assert_noticed(&both, &format!("{side:?} {at}"));
            assert!(both.iter().all(|talker| talker.agreed() != Some(None)), "{side:?} {at}");
        }
    }
}

#[test]
fn every_byte_of_a_proof_matters() {
    for (side, length) in SIDES.into_iter().zip(lengths(with_code)) {
        for at in 0..length {
            let both = flip(with_code, side, at, at as u8 % 8);
            assert_noticed(&both, &format!("{side:?} {at}"));
            assert!(both.iter().all(|talker| talker.agreed() != Some(None)), "{side:?} {at}");
        }
    }
}

/// A word taken out or put in on the way, at either line.
#[test]
fn words_that_were_changed_on_the_way_are_noticed() {
    for from in SIDES {
        for (old, new) in [(" verify", ""), (" resume", ""), (" offer", " offer aes")] {
            let mut both = pair();
            let mut changed = 0;
            talk(&mut both, &mut |side, bytes| {
                let text = String::from_utf8(bytes);
                match text {
                    Ok(text) if side == from && text.contains("X_CAPS") => {
                        changed += 1;
                        vec![text.replacen(old, new, 1).into_bytes()]
                    }
                    Ok(text) => vec![text.into_bytes()],
                    Err(error) => vec![error.into_bytes()],
                }
            });
            assert_eq!(changed, 1);
            assert_noticed(&both, old);
            assert!(both.iter().all(|talker| !talker.is_served()));
        }
    }
}

/// Someone who is called and passes the call on to another nick is not in between: both know who was
/// called.
#[test]
fn a_call_that_was_meant_for_another_nick_comes_to_nothing() {
    let mut both = SIDES.map(|side| {
        let called = Nick::parse(if side == Side::Caller { "erin" } else { "dave" }).ok();
        Talker::new(Terms { callee_nick: called, ..terms(side, 100) })
    });
    talk(&mut both, &mut pass);
    assert!(both.iter().all(|talker| talker.agreed().is_none() && !talker.is_served()));
    assert!(matches!(both[0].error, Some(ProtocolError::Secure(_))), "{:?}", both[0].error);
}

#[test]
fn every_split_gives_the_same_events() {
    for new in [pair, with_code] {
        let mut whole = new();
        talk(&mut whole, &mut pass);
        let events = whole.map(|talker| talker.events);
        for (from, length) in SIDES.into_iter().zip(lengths(new)) {
            for cut in 1..length {
                let mut passed = 0;
                let mut both = new();
                talk(&mut both, &mut |side, bytes| {
                    let start = passed;
                    if side != from {
                        return vec![bytes];
                    }
                    passed += bytes.len();
                    if !(start..passed).contains(&cut) {
                        return vec![bytes];
                    }
                    let (before, after) = bytes.split_at(cut - start);
                    vec![before.to_vec(), after.to_vec()]
                });
                assert_eq!(both.map(|talker| talker.events), events, "{from:?} {cut}");
            }
        }
        let mut both = new();
        talk(&mut both, &mut |_, bytes| bytes.chunks(1).map(<[u8]>::to_vec).collect());
        assert_eq!(both.map(|talker| talker.events), events);
    }
}

/// The first records may hold anything, line ends and bytes that are no text too, and come in the
/// read of the line before them.
#[test]
fn records_may_come_with_the_last_line() {
    let (mut ends, mut no_text) = (0, 0);
    for seed in 0..100 {
        let mut both = SIDES.map(|side| Talker::new(terms(side, seed)));
        talk(&mut both, &mut |side, bytes| {
            let line = bytes.iter().position(|byte| *byte == b'\n');
            if let (Side::Caller, Some(line), true) = (side, line, bytes.starts_with(b"X_SECURE "))
            {
                let records = &bytes[line + 1..];
                assert!(!records.is_empty());
                ends += usize::from(records.contains(&b'\n'));
                no_text += usize::from(std::str::from_utf8(records).is_err());
            }
            vec![bytes]
        });
        assert_private(&both);
        assert!(!both[0].events.contains(&Event::Question) || both[1].is_served());
    }
    assert!(ends > 5 && no_text > 50, "{ends} {no_text}");
}
