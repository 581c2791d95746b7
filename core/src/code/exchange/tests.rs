//! Two sides with equal words, with different words, and a man in the middle.

#![allow(clippy::unwrap_used)]

use alloc::format;
use alloc::string::ToString as _;
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::secure::tests::{session, session_of};
use crate::secure::{Keys, decode, encode};

const CODE: &str = "4821-crossover-clockwork-universe";

fn prover(code: &str, keys: &Keys) -> Prover {
    Prover::new(&code.parse().unwrap(), keys, &mut Entropy::new([1; 32]))
}

fn verifier(code: &str, keys: &Keys) -> Verifier {
    Verifier::new(&code.parse().unwrap(), keys, &mut Entropy::new([2; 32]))
}

#[test]
fn equal_words_are_proved_to_both_sides() {
    let ((a, ..), (b, ..)) = session();
    let (mut prover, mut verifier) = (prover(CODE, &a), verifier(CODE, &b));
    let answer = verifier.answer(prover.start()).unwrap();
    let proof = prover.answer(&answer).unwrap();
    let own = verifier.confirm(&proof).unwrap();
    assert_ne!(proof, own);
    assert_eq!(prover.confirm(&own), Ok(()));
    for over in [prover.confirm(&own), verifier.confirm(&proof).map(drop)] {
        assert_eq!(over, Err(CodeError::OutOfTurn));
    }
    assert_eq!(prover.answer(&answer), Err(CodeError::OutOfTurn));
    assert_eq!(verifier.answer(prover.start()), Err(CodeError::OutOfTurn));
}

#[test]
fn the_nick_is_not_part_of_the_secret() {
    let ((a, ..), (b, ..)) = session();
    let (mut prover, mut verifier) = (
        prover("1 CROSSOVER clockwork universe", &a),
        verifier("22-crossover-clockwork-universe", &b),
    );
    let proof = prover.answer(&verifier.answer(prover.start()).unwrap()).unwrap();
    assert_eq!(prover.confirm(&verifier.confirm(&proof).unwrap()), Ok(()));
}

#[test]
fn different_words_are_wrong_to_both_sides() {
    let ((a, ..), (b, ..)) = session();
    for wrong in ["4821-crossover-classic-universe", "4821-corrosion-clockwork-universe"] {
        let (mut prover, mut verifier) = (prover(wrong, &a), verifier(CODE, &b));
        let answer = verifier.answer(prover.start()).unwrap();
        let proof = prover.answer(&answer).unwrap();
        assert_eq!(verifier.confirm(&proof), Err(CodeError::Wrong));
        assert_eq!(verifier.confirm(&proof), Err(CodeError::OutOfTurn), "one guess per session");
        assert_eq!(prover.confirm(REFUSAL), Err(CodeError::Wrong));
    }
}

#[test]
fn b_cannot_prove_words_that_it_does_not_know() {
    let ((a, ..), (b, ..)) = session();
    for wrong in [None, Some([0; 32])] {
        let (mut prover, mut guess) =
            (prover(CODE, &a), verifier("1-crossover-classic-universe", &b));
        let proof = prover.answer(&guess.answer(prover.start()).unwrap()).unwrap();
        // Zeros, or A's own proof, sent back.
        let forged = wrong.map_or(proof, |bytes| encode(&bytes));
        assert_eq!(prover.confirm(&forged), Err(CodeError::Wrong));
    }
}

/// A man in the middle with one session to each side cannot forward the proofs, which are bound to their
/// sessions.
#[test]
fn a_proof_is_invalid_in_another_session() {
    let ((a, ..), _) = session_of(1, 66);
    let (_, (b, ..)) = session_of(66, 2);
    assert_ne!(a.hash(), b.hash());
    let (mut prover, mut verifier) = (prover(CODE, &a), verifier(CODE, &b));
    let answer = verifier.answer(prover.start()).unwrap();
    let proof = prover.answer(&answer).unwrap();
    assert_eq!(verifier.confirm(&proof), Err(CodeError::Wrong));
}

#[test]
fn an_exchange_with_any_flipped_bit_fails() {
    let ((a, ..), (b, ..)) = session();
    // Two points, each with a letter, and two proofs.
    for (which, length) in [33, 33, 32, 32].into_iter().enumerate() {
        for bit in 0..length * 8 {
            let (mut prover, mut verifier) = (prover(CODE, &a), verifier(CODE, &b));
            let mut line = 0;
            let mut change = |text: String| {
                let changed = (line == which).then(|| {
                    let mut bytes = vec![0; length];
                    decode(&text, &mut bytes).unwrap();
                    bytes[bit / 8] ^= 1 << (bit % 8);
                    encode(&bytes)
                });
                line += 1;
                changed.unwrap_or(text)
            };
            let first = change(prover.start().to_string());
            let refused = verifier
                .answer(&first)
                .and_then(|answer| prover.answer(&change(answer)))
                .and_then(|proof| verifier.confirm(&change(proof)))
                .and_then(|proof| prover.confirm(&change(proof)));
            let why = refused.unwrap_err();
            assert!(!matches!(why, CodeError::OutOfTurn), "bit {bit} of line {which}: {why}");
        }
    }
}

#[test]
fn a_malformed_message_ends_the_exchange() {
    let ((a, ..), (b, ..)) = session();
    let good = prover(CODE, &a).start().to_string();
    let own = verifier(CODE, &b).answer(&good).unwrap();
    let no_point = encode(&{
        let mut bytes = [0; 33];
        (bytes[0], bytes[1]) = (b'A', 2);
        bytes
    });
    let longer = encode(&[0; 34]);
    for bad in ["", "NO", "A", &own, &no_point, &longer, &"A".repeat(8000), "\u{1b}[2J"] {
        let mut verifier = verifier(CODE, &b);
        let error = verifier.answer(bad).unwrap_err();
        assert!(matches!(error, CodeError::Malformed { .. }), "{error}");
        let why = error.to_string();
        assert!(why.len() < 300 && !why.contains(|c: char| c.is_control()), "{why}");
        assert_eq!(verifier.answer(&good), Err(CodeError::OutOfTurn), "no second attempt");
    }
    let mut verifier = verifier(CODE, &b);
    assert_eq!(verifier.confirm("NO"), Err(CodeError::OutOfTurn));
}

#[test]
fn words_are_not_printed() {
    let ((a, ..), (b, ..)) = session();
    let all = format!("{:?} {:?}", prover(CODE, &a), verifier(CODE, &b));
    let found: Vec<_> = ["crossover", "clockwork", "universe"]
        .into_iter()
        .filter(|word| all.contains(word))
        .collect();
    assert_eq!(found, Vec::<&str>::new());
}
