//! Two sides in one place, and everything that someone between them could do.

#![allow(clippy::unwrap_used)]

mod control;
mod data;
mod handshake;
mod safety;

use alloc::format;

use super::*;

const PROLOGUE: &[u8] =
    b"X_CHK //xcher/2\nX_CHK //xcher/2 YES\nX_CAPS secure\nX_CAPS secure code\n";

/// A host whose key and randomness follow from `number`.
fn handshake(side: Side, number: u8, prologue: &[u8]) -> Handshake {
    let mut entropy = Entropy::new([number ^ 0xff; 32]);
    Handshake::new(side, &Identity::new([number; 32]), prologue, &mut entropy)
}

/// The hosts 1 and 2, each with the prologue that it saw.
fn sides([a, b]: [&[u8]; 2]) -> (Handshake, Handshake) {
    (handshake(Side::Caller, 1, a), handshake(Side::Callee, 2, b))
}

/// All messages, as they are.
fn pass(caller: &mut Handshake, called: &mut Handshake) {
    called.read(&caller.write().unwrap()).unwrap();
    caller.read(&called.write().unwrap()).unwrap();
    called.read(&caller.write().unwrap()).unwrap();
}

type End = (Keys, Sealer, Opener);

/// A session of the hosts 1 and 2 that nobody disturbs.
pub(crate) fn session() -> (End, End) {
    session_of(1, 2)
}

/// One of others.
pub(crate) fn session_of(a: u8, b: u8) -> (End, End) {
    let (mut a, mut b) =
        (handshake(Side::Caller, a, PROLOGUE), handshake(Side::Callee, b, PROLOGUE));
    pass(&mut a, &mut b);
    (a.finish().unwrap(), b.finish().unwrap())
}

#[test]
fn nothing_secret_is_printed() {
    let ((keys, sealer, opener), _) = session();
    let data = keys.data(Side::Caller, 0, Cipher::default());
    let all = format!(
        "{keys:?} {sealer:?} {opener:?} {data:?} {:?} {:?}",
        keys.data(Side::Caller, 0, Cipher::default()).sealer(),
        keys.data(Side::Caller, 0, Cipher::default()).opener(),
    );
    assert!(all.contains("split: …") && all.contains("aead: …") && all.contains("key: …"), "{all}");
}

#[test]
fn all_of_it_can_move_to_another_thread() {
    fn moves<T: Send + 'static>() {}
    moves::<(Entropy, Identity, Handshake, Keys, Safety)>();
    moves::<(Sealer, Opener, DataKey, DataSealer, DataOpener)>();
    moves::<(crate::code::Prover, crate::code::Verifier)>();
}
