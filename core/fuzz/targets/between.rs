//! Two hosts and an attacker on the path, who flips, truncates, drops, repeats, reorders and inserts bytes: a
//! host whose session is encrypted shares it with the other host alone, and receives only what that one sent.

#![no_main]

use arbitrary::Arbitrary;
use endpoint::{Endpoint, code, exchange, key, terms};
use libfuzzer_sys::fuzz_target;
use xcher_core::secure::Side;
use xcher_core::session::{Event, Terms};
use xcher_core_fuzz::{assert_printable, split};

#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../../tests/negotiation/endpoint.rs"]
mod endpoint;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    strict: bool,
    code: bool,
    /// Splits all bytes, even without changes.
    split: Option<u8>,
    /// Changes to single messages, each of which is everything that a side sends at once.
    changes: Vec<(u8, Change<'a>)>,
}

#[derive(Arbitrary, Debug)]
enum Change<'a> {
    Xor(u16, u8),
    Cut(u16),
    Drop,
    Repeat,
    /// Delays the message until after the side's next one.
    Hold,
    Insert(u16, &'a [u8]),
    /// Replaces the message with the last one of the other side.
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
    exchange(&mut both, &mut |_, message| {
        let mut bytes = message.clone();
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
        if !message.is_empty() && number % 2 == 0 && !held.is_empty() && bytes == message {
            bytes.append(&mut held);
        }
        changed |= bytes != message;
        number = number.saturating_add(1);
        last = message;
        match input.split {
            Some(seed) => split(seed, &bytes).into_iter().map(<[u8]>::to_vec).collect(),
            None => vec![bytes],
        }
    });

    let [a, b] = &both;
    if !changed {
        endpoint::assert_encrypted(&both);
    }
    for (host, side) in both.iter().zip([Side::Caller, Side::Callee]) {
        if let Some(error) = &host.error {
            assert_printable(&error.to_string());
        }
        assert!(host.agreed() != Some(None) || !(input.strict || input.code));
        if let Some(Some(got)) = host.agreed() {
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
            assert!(host.events.iter().all(quiet), "{:?}", host.events);
            assert!(
                !input.code || host.events.contains(&Event::Authenticated) || {
                    !host.is_served()
                        && !host
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
