//! Two sides in one process, and the attacks of a man in the middle.

#![allow(clippy::unwrap_used)]

mod control;
mod data;
mod handshake;
mod safety;

use alloc::format;

use super::*;

const PROLOGUE: &[u8] =
    b"X_CHK //xcher/2\nX_CHK //xcher/2 YES\nX_CAPS secure\nX_CAPS secure code\n";

/// Creates a host whose key and randomness derive from `number`.
fn handshake(side: Side, number: u8, prologue: &[u8]) -> Handshake {
    let mut entropy = Entropy::new([number ^ 0xff; 32]);
    Handshake::new(side, &Identity::new([number; 32]), prologue, &mut entropy)
}

/// Creates the hosts 1 and 2, each with the prologue that it saw.
fn sides([a, b]: [&[u8]; 2]) -> (Handshake, Handshake) {
    (handshake(Side::Caller, 1, a), handshake(Side::Callee, 2, b))
}

/// Exchanges all messages unchanged.
fn pass(caller: &mut Handshake, callee: &mut Handshake) {
    callee.read(&caller.write().unwrap()).unwrap();
    caller.read(&callee.write().unwrap()).unwrap();
    callee.read(&caller.write().unwrap()).unwrap();
}

type End = (Keys, Sealer, Opener);

/// Completes an undisturbed handshake of the hosts 1 and 2.
pub(crate) fn session() -> (End, End) {
    session_of(1, 2)
}

/// Completes an undisturbed handshake of two hosts.
pub(crate) fn session_of(a: u8, b: u8) -> (End, End) {
    let (mut a, mut b) =
        (handshake(Side::Caller, a, PROLOGUE), handshake(Side::Callee, b, PROLOGUE));
    pass(&mut a, &mut b);
    (a.finish().unwrap(), b.finish().unwrap())
}

#[test]
fn secrets_are_not_printed() {
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
fn all_types_are_send() {
    fn is_send<T: Send + 'static>() {}
    is_send::<(Entropy, Identity, Handshake, Keys, Safety)>();
    is_send::<(Sealer, Opener, DataKey, DataSealer, DataOpener)>();
    is_send::<(crate::code::Prover, crate::code::Verifier)>();
}
