//! Words, and those who would like to choose them.

use alloc::string::ToString as _;
use alloc::vec::Vec;

use super::*;

#[test]
fn both_sides_see_the_same_words() {
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
fn the_caller_cannot_change_its_mind_about_its_number() {
    let ((a, ..), (b, ..)) = session();
    let exchange = || {
        let mut called = Safety::new(&b, &mut Entropy::new([2; 32]));
        let commitment = Safety::new(&a, &mut Entropy::new([1; 32])).write().unwrap();
        called.read(&commitment).unwrap();
        called.write().unwrap();
        called
    };
    let mut called = exchange();
    assert_eq!(called.read(&encode(&[7; 16])), Err(SecureError::CommitmentMismatch));
    assert_eq!(called.words(), None);
    for bad in ["", "NO", &encode(&[0; 15]), &encode(&[0; 32])] {
        let mut called = exchange();
        let error = called.read(bad).unwrap_err();
        assert!(matches!(error, SecureError::Malformed { expected: 16, .. }), "{error}");
        assert_eq!((called.write(), called.words()), (None, None));
    }
}

/// Two sessions of someone in the middle, who passes the lines of the words on as they are.
#[test]
fn someone_in_between_makes_the_words_differ() {
    let ((alice, ..), _) = session_of(1, 66);
    let (_, (bob, ..)) = session_of(66, 2);
    let mut alice = Safety::new(&alice, &mut Entropy::new([1; 32]));
    let mut bob = Safety::new(&bob, &mut Entropy::new([2; 32]));
    bob.read(&alice.write().unwrap()).unwrap();
    alice.read(&bob.write().unwrap()).unwrap();
    bob.read(&alice.write().unwrap()).unwrap();
    assert_ne!(alice.words().unwrap(), bob.words().unwrap());
}
