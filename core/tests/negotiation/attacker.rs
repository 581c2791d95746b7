//! An attacker on the path: changes are detected, and splits make no difference.

use xcher_core::secure::Side;
use xcher_core::session::{Event, Terms};
use xcher_core::{Nick, ProtocolError};

use crate::endpoint::{Endpoint, assert_encrypted, code, device, exchange, key, pair, pass, terms};

const SIDES: [Side; 2] = [Side::Caller, Side::Callee];

/// Two sides that require encryption and pin each other's key.
fn strict() -> [Endpoint; 2] {
    SIDES.map(|side| {
        let expected = Some(key(side.other()));
        Endpoint::new(Terms {
            require_encryption: true,
            expected_key: expected,
            ..terms(side, 100)
        })
    })
}

fn with_code() -> [Endpoint; 2] {
    SIDES.map(|side| {
        Endpoint::new(Terms { code: code("crossover-clockwork-universe"), ..terms(side, 100) })
    })
}

/// The number of bytes that each side sends without an attacker.
fn lengths(new: fn() -> [Endpoint; 2]) -> [usize; 2] {
    let mut lengths = [0; 2];
    let mut both = new();
    exchange(&mut both, &mut |from, bytes| {
        lengths[usize::from(from == Side::Callee)] += bytes.len();
        vec![bytes]
    });
    assert_encrypted(&both);
    lengths
}

/// Flips one bit of what `from` sends.
fn flip(new: fn() -> [Endpoint; 2], from: Side, at: usize, bit: u8) -> [Endpoint; 2] {
    let mut passed = 0;
    let mut both = new();
    exchange(&mut both, &mut |side, mut bytes| {
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

fn assert_detected(both: &[Endpoint; 2], place: &str) {
    let all = |holds: fn(&Endpoint) -> bool| both.iter().all(holds);
    let private = all(|endpoint| endpoint.agreed().is_some_and(|key| key.is_some()));
    let well = all(|endpoint| {
        endpoint.error.is_none() && endpoint.is_served() && endpoint.words().is_some()
    });
    assert!(!(private && well), "{place}: undetected");
    for (endpoint, side) in both.iter().zip(SIDES) {
        if let Some(Some(got)) = endpoint.agreed() {
            assert_eq!(got, key(side.other()), "{place}: another key");
        }
    }
    if let [Some(a), Some(b)] = both.each_ref().map(Endpoint::words) {
        assert_eq!(a, b, "{place}: different words");
    }
}

#[test]
fn every_changed_bit_is_detected() {
    for (side, length) in SIDES.into_iter().zip(lengths(pair)) {
        for at in 0..length {
            for bit in 0..8 {
                let both = flip(pair, side, at, bit);
                assert_detected(&both, &format!("{side:?} {at} {bit}"));
            }
        }
    }
}

#[test]
fn changes_never_lead_to_an_unencrypted_session_if_encryption_is_required() {
    for (side, length) in SIDES.into_iter().zip(lengths(strict)) {
        for at in 0..length {
            let both = flip(strict, side, at, at as u8 % 8);
            assert_detected(&both, &format!("{side:?} {at}"));
            assert!(both.iter().all(|endpoint| endpoint.agreed() != Some(None)), "{side:?} {at}");
        }
    }
}

#[test]
fn every_changed_byte_of_a_proof_is_detected() {
    for (side, length) in SIDES.into_iter().zip(lengths(with_code)) {
        for at in 0..length {
            let both = flip(with_code, side, at, at as u8 % 8);
            assert_detected(&both, &format!("{side:?} {at}"));
            assert!(both.iter().all(|endpoint| endpoint.agreed() != Some(None)), "{side:?} {at}");
        }
    }
}

/// A word is removed from or added to either X_CAPS.
#[test]
fn changed_capabilities_are_detected() {
    for from in SIDES {
        let device = format!(" device-{}", device(from).as_str());
        let changes = [
            (" verify", ""),
            (" resume", ""),
            (" offer", " offer aes"),
            (&*device, ""),
            (&*device, " device-tablet"),
        ];
        for (old, new) in changes {
            let mut both = pair();
            let mut changed = 0;
            exchange(&mut both, &mut |side, bytes| {
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
            assert_detected(&both, old);
            assert!(both.iter().all(|endpoint| !endpoint.is_served()));
        }
    }
}

/// A callee that redirects the call to another nick cannot be a man in the middle: both sides know the nick.
#[test]
fn redirected_call_fails() {
    let mut both = SIDES.map(|side| {
        let called = Nick::parse(if side == Side::Caller { "erin" } else { "dave" }).ok();
        Endpoint::new(Terms { callee_nick: called, ..terms(side, 100) })
    });
    exchange(&mut both, &mut pass);
    assert!(both.iter().all(|endpoint| endpoint.agreed().is_none() && !endpoint.is_served()));
    assert!(matches!(both[0].error, Some(ProtocolError::Secure(_))), "{:?}", both[0].error);
}

#[test]
fn every_split_gives_the_same_events() {
    for new in [pair, with_code] {
        let mut whole = new();
        exchange(&mut whole, &mut pass);
        let events = whole.map(|endpoint| endpoint.events);
        for (from, length) in SIDES.into_iter().zip(lengths(new)) {
            for cut in 1..length {
                let mut passed = 0;
                let mut both = new();
                exchange(&mut both, &mut |side, bytes| {
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
                assert_eq!(both.map(|endpoint| endpoint.events), events, "{from:?} {cut}");
            }
        }
        let mut both = new();
        exchange(&mut both, &mut |_, bytes| bytes.chunks(1).map(<[u8]>::to_vec).collect());
        assert_eq!(both.map(|endpoint| endpoint.events), events);
    }
}

/// The first records may hold line ends and bytes that are not UTF-8, and arrive in one read with the line
/// before them.
#[test]
fn records_may_arrive_with_the_last_line() {
    let (mut ends, mut no_text) = (0, 0);
    for seed in 0..100 {
        let mut both = SIDES.map(|side| Endpoint::new(terms(side, seed)));
        exchange(&mut both, &mut |side, bytes| {
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
        assert_encrypted(&both);
        assert!(!both[0].events.contains(&Event::Question) || both[1].is_served());
    }
    assert!(ends > 5 && no_text > 50, "{ends} {no_text}");
}
