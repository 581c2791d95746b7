//! Handshake messages that are altered, truncated, replayed or crafted.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::control::open_all;
use super::*;

#[test]
fn two_sides_agree_and_authenticate_each_other() {
    let (mut a, mut b) = sides([PROLOGUE; 2]);
    assert!(a.is_my_turn() && !b.is_my_turn());
    assert_eq!((a.remote_key(), b.remote_key()), (None, None));
    assert_eq!(b.write(), Err(SecureError::OutOfTurn));
    b.read(&a.write().unwrap()).unwrap();
    assert_eq!(a.write(), Err(SecureError::OutOfTurn));
    assert_eq!((a.is_finished(), b.remote_key()), (false, None));
    a.read(&b.write().unwrap()).unwrap();
    assert_eq!(a.remote_key(), Some(Identity::new([2; 32]).public()));
    b.read(&a.write().unwrap()).unwrap();
    assert_eq!(b.remote_key(), Some(Identity::new([1; 32]).public()));
    assert!(a.is_finished() && b.is_finished() && !a.is_my_turn() && !b.is_my_turn());
    assert_eq!(a.write(), Err(SecureError::OutOfTurn));

    let ((a, mut from_a, mut to_a), (b, mut from_b, mut to_b)) =
        (a.finish().unwrap(), b.finish().unwrap());
    assert_eq!(a.hash(), b.hash());
    assert_eq!((a.side(), b.side()), (Side::Caller, Side::Callee));
    assert_eq!(a.remote_key(), Identity::new([2; 32]).public());
    for text in ["X_FILELIST\n", "", "X_CHK a\nX_CHK b\n"] {
        let (mut request, mut response) = (Vec::new(), Vec::new());
        from_a.seal(text.as_bytes(), &mut request).unwrap();
        from_b.seal(text.as_bytes(), &mut response).unwrap();
        assert_eq!(request.is_empty(), text.is_empty());
        assert!(request.is_empty() || request != response);
        assert_eq!(open_all(&mut to_b, &request, 1).unwrap(), text.as_bytes());
        assert_eq!(open_all(&mut to_a, &response, 7).unwrap(), text.as_bytes());
    }
}

#[test]
fn a_handshake_with_any_flipped_bit_fails() {
    for which in 0..3 {
        let length = [32, 96, 64][which];
        for bit in 0..length * 8 {
            let (mut a, mut b) = sides([PROLOGUE; 2]);
            let mut refused = None;
            for message in 0..3 {
                let (from, to) = if message % 2 == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
                let mut text = from.write().unwrap();
                if message == which {
                    let mut bytes = vec![0; length];
                    decode(&text, &mut bytes).unwrap();
                    bytes[bit / 8] ^= 1 << (bit % 8);
                    text = encode(&bytes);
                }
                if let Err(error) = to.read(&text) {
                    assert!(!to.is_my_turn() && to.remote_key().is_none());
                    assert_eq!(to.read(&text), Err(SecureError::OutOfTurn));
                    refused = Some((message, error));
                    break;
                }
            }
            let (message, error) = refused.expect("an altered handshake must fail");
            // The first message has no tag: the next one reveals the change.
            assert_eq!(message, which.max(1), "bit {bit} of message {which}");
            assert_eq!(error, SecureError::HandshakeMismatch);
        }
    }
}

#[test]
fn a_message_of_wrong_length_is_rejected() {
    let message = sides([PROLOGUE; 2]).0.write().unwrap();
    let longer = encode(&[0; 33]);
    let shorter = encode(&[0; 31]);
    let broken = message.replace('=', "");
    let zeros = encode(&[0; 96]);
    for text in ["", "=", "NO", &longer, &shorter, &broken, &zeros, &format!(" {message}")] {
        let (_, mut b) = sides([PROLOGUE; 2]);
        let error = b.read(text).unwrap_err();
        assert!(matches!(error, SecureError::Malformed { expected: 32, .. }), "{text}: {error}");
        assert_eq!(b.read(&message), Err(SecureError::OutOfTurn), "no second attempt");
        assert_eq!(b.finish().unwrap_err(), SecureError::HandshakeUnfinished);
    }
}

#[test]
fn sides_with_different_prologues_do_not_agree() {
    let weaker = PROLOGUE.strip_suffix(b" code\n").unwrap();
    let (mut a, mut b) = sides([PROLOGUE, weaker]);
    b.read(&a.write().unwrap()).unwrap();
    assert_eq!(a.read(&b.write().unwrap()), Err(SecureError::HandshakeMismatch));
}

#[test]
fn messages_of_another_handshake_are_rejected() {
    let (mut a, mut b) = sides([PROLOGUE; 2]);
    let first = a.write().unwrap();
    b.read(&first).unwrap();
    let second = b.write().unwrap();
    // Another attempt of the same caller has another ephemeral key.
    let mut entropy = Entropy::new([9; 32]);
    let mut again = Handshake::new(Side::Caller, &Identity::new([1; 32]), PROLOGUE, &mut entropy);
    again.write().unwrap();
    assert_eq!(again.read(&second), Err(SecureError::HandshakeMismatch));
    // A host's own message, sent back, is not an answer.
    let error = a.read(&first).unwrap_err();
    assert!(matches!(error, SecureError::Malformed { expected: 96, .. }), "{error}");
}

/// Points that yield the same shared secret with every key.
const LOW_ORDER: [&str; 5] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

#[test]
fn weak_keys_are_rejected() {
    for hex in LOW_ORDER {
        let point: [u8; 32] =
            core::array::from_fn(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap());
        let (mut a, mut b) = sides([PROLOGUE; 2]);
        b.read(&encode(&point)).unwrap();
        assert_eq!(b.write(), Err(SecureError::WeakKey), "{hex}");
        assert!(!b.is_my_turn());

        a.write().unwrap();
        let mut second = [0; 96];
        second[..32].copy_from_slice(&point);
        assert_eq!(a.read(&encode(&second)), Err(SecureError::WeakKey), "{hex}");
    }
}
