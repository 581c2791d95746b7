//! Two hosts that speak in private, and someone in between who flips, cuts, drops, repeats, swaps and
//! puts in: whoever is private is so with the other alone, and hears nothing that it did not say.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use talker::{Talker, code, key, talk, terms};
use xcher_core::secure::Side;
use xcher_core::session::{Event, Terms};
use xcher_core_fuzz::{assert_printable, split};

#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../../tests/negotiation/talker.rs"]
mod talker;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    strict: bool,
    code: bool,
    /// How everything is split, also where nothing is changed.
    split: Option<u8>,
    /// What happens to the pieces, of which one is all that a side says at once.
    changes: Vec<(u8, Change<'a>)>,
}

#[derive(Arbitrary, Debug)]
enum Change<'a> {
    Xor(u16, u8),
    Cut(u16),
    Drop,
    Repeat,
    /// After what the same side says next.
    Hold,
    Insert(u16, &'a [u8]),
    /// Something of the other side's instead.
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
        Talker::new(terms)
    });
    let (mut number, mut changed) = (0, false);
    let (mut held, mut last) = (Vec::new(), Vec::new());
    talk(&mut both, &mut |_, said| {
        let mut bytes = said.clone();
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
        if !said.is_empty() && number % 2 == 0 && !held.is_empty() && bytes == said {
            bytes.append(&mut held);
        }
        changed |= bytes != said;
        number = number.saturating_add(1);
        last = said;
        match input.split {
            Some(seed) => split(seed, &bytes).into_iter().map(<[u8]>::to_vec).collect(),
            None => vec![bytes],
        }
    });

    let [a, b] = &both;
    if !changed {
        talker::assert_private(&both);
    }
    for (talker, side) in both.iter().zip([Side::Caller, Side::Callee]) {
        if let Some(error) = &talker.error {
            assert_printable(&error.to_string());
        }
        assert!(talker.agreed() != Some(None) || !(input.strict || input.code));
        if let Some(Some(got)) = talker.agreed() {
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
            assert!(talker.events.iter().all(quiet), "{:?}", talker.events);
            assert!(
                !input.code || talker.events.contains(&Event::Authenticated) || {
                    !talker.is_served()
                        && !talker
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
