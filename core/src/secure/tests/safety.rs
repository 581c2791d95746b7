//! Safety words, and attempts to choose them.

use alloc::string::ToString as _;
use alloc::vec::Vec;

use super::*;

#[test]
fn both_sides_derive_the_same_words() {
    let ((a, ..), (b, ..)) = session();
    let (mut a, mut b) =
        (Safety::new(&a, &mut Entropy::new([1; 32])), Safety::new(&b, &mut Entropy::new([2; 32])));
    assert_eq!(b.write(), None);
    let commitment = a.write().unwrap();
    assert_eq!(a.write(), None);
    b.read(&commitment).unwrap();
    a.read(&b.write().unwrap()).unwrap();
    assert_eq!((a.words(), b.words()), (None, None));
    b.read(&a.write().unwrap()).unwrap();
    let words = a.words().unwrap();
    assert_eq!(Some(words), b.words());
    assert_eq!(words.to_string().split(' ').collect::<Vec<_>>(), words.words());
    assert_eq!(a.write(), None);
    assert_eq!(a.read(&commitment), Err(SecureError::OutOfTurn));
    assert_eq!(a.words(), None);
}

#[test]
fn the_caller_cannot_change_its_nonce_after_the_commitment() {
    let ((a, ..), (b, ..)) = session();
    let exchange = || {
        let mut callee = Safety::new(&b, &mut Entropy::new([2; 32]));
        let commitment = Safety::new(&a, &mut Entropy::new([1; 32])).write().unwrap();
        callee.read(&commitment).unwrap();
        callee.write().unwrap();
        callee
    };
    let mut callee = exchange();
    assert_eq!(callee.read(&encode(&[7; 16])), Err(SecureError::CommitmentMismatch));
    assert_eq!(callee.words(), None);
    for bad in ["", "NO", &encode(&[0; 15]), &encode(&[0; 32])] {
        let mut callee = exchange();
        let error = callee.read(bad).unwrap_err();
        assert!(matches!(error, SecureError::Malformed { expected: 16, .. }), "{error}");
        assert_eq!((callee.write(), callee.words()), (None, None));
    }
}

/// A man in the middle has one session with each side and forwards the X_SAS lines unchanged.
#[test]
fn words_differ_with_a_man_in_the_middle() {
    let ((alice, ..), _) = session_of(1, 66);
    let (_, (bob, ..)) = session_of(66, 2);
    let mut alice = Safety::new(&alice, &mut Entropy::new([1; 32]));
    let mut bob = Safety::new(&bob, &mut Entropy::new([2; 32]));
    bob.read(&alice.write().unwrap()).unwrap();
    alice.read(&bob.write().unwrap()).unwrap();
    bob.read(&alice.write().unwrap()).unwrap();
    assert_ne!(alice.words().unwrap(), bob.words().unwrap());
}
