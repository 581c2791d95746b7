//! Two encrypting hosts, and an attacker on the path that flips, cuts, drops, repeats, swaps and
//! inserts bytes: an encrypted session is with the other host only, and brings only what that host
//! sent.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use xcher_core::secure::Side;
use xcher_core::session::{Event, Terms};
use xcher_core_fuzz::{assert_printable, split};

use endpoint::{Endpoint, code, exchange, key, terms};

#[allow(dead_code, reason = "shared with the tests of the negotiation")]
#[path = "../../tests/negotiation/endpoint.rs"]
mod endpoint;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    strict: bool,
    code: bool,
    /// Seed for splitting everything.
    split: Option<u8>,
    /// Changes of pieces, by number. A piece is everything that a side sends at once.
    changes: Vec<(u8, Change<'a>)>,
}

#[derive(Arbitrary, Debug)]
enum Change<'a> {
    Xor(u16, u8),
    Cut(u16),
    Drop,
    Repeat,
    /// Delivers it after the next piece of the same side.
    Hold,
    Insert(u16, &'a [u8]),
    /// Delivers the peer's last piece instead.
    Reflect,
}

fuzz_target!(|input: Input| {
    let mut both = [Side::Caller, Side::Callee].map(|side| {
        let mut terms = terms(side, 100);
        if input.strict {
            terms =
                Terms { require_encryption: true, expected_key: Some(key(side.other())), ..terms };
        }
        terms.code = input.code.then(|| code("crossover-clockwork-universe")).flatten();
        Endpoint::new(terms)
    });
    let (mut number, mut changed) = (0, false);
    let (mut held, mut last) = (Vec::new(), Vec::new());
    exchange(&mut both, &mut |_, sent| {
        let mut bytes = sent.clone();
        for (_, change) in input.changes.iter().filter(|(at, _)| *at == number).take(4) {
            let at = |at: u16, length: usize| usize::from(at) % (length + 1);
            match change {
                Change::Xor(place, with) => {
                    let place = at(*place, bytes.len());
                    if let Some(byte) = bytes.get_mut(place) {
                        *byte ^= with;
                    }
                }
                Change::Cut(place) => bytes.truncate(at(*place, bytes.len())),
                Change::Drop => bytes.clear(),
                Change::Repeat => bytes.extend_from_within(..),
                Change::Hold => held = std::mem::take(&mut bytes),
                Change::Insert(place, what) => {
                    let place = at(*place, bytes.len());
                    bytes.splice(place..place, what.iter().copied());
                }
                Change::Reflect => bytes.clone_from(&last),
            }
        }
        if !sent.is_empty() && number % 2 == 0 && !held.is_empty() && bytes == sent {
            bytes.append(&mut held);
        }
        changed |= bytes != sent;
        number = number.saturating_add(1);
        last = sent;
        match input.split {
            Some(seed) => split(seed, &bytes).into_iter().map(<[u8]>::to_vec).collect(),
            None => vec![bytes],
        }
    });

    let [a, b] = &both;
    if !changed {
        endpoint::assert_encrypted(&both);
    }
    for (endpoint, side) in both.iter().zip([Side::Caller, Side::Callee]) {
        if let Some(error) = &endpoint.error {
            assert_printable(&error.to_string());
        }
        assert!(endpoint.agreed() != Some(None) || !(input.strict || input.code));
        if let Some(Some(got)) = endpoint.agreed() {
            assert_eq!(got, key(side.other()));
            let quiet = |event: &Event| {
                matches!(
                    event,
                    Event::Agreed { .. }
                        | Event::SafetyWords { .. }
                        | Event::Authenticated
                        | Event::Question
                        | Event::Answer { .. }
                )
            };
            assert!(endpoint.events.iter().all(quiet), "{:?}", endpoint.events);
            assert!(
                !input.code || endpoint.events.contains(&Event::Authenticated) || {
                    !endpoint.is_served()
                        && !endpoint
                            .lines()
                            .iter()
                            .any(|line| line.ends_with(" NO") && !line.starts_with("X_AUTH"))
                }
            );
        }
    }
    if a.words().is_some() && b.words().is_some() {
        assert_eq!(a.words(), b.words());
    }
});
