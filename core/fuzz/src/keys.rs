//! The keys of an encrypted session.

use std::cell::OnceCell;

use xcher_core::secure::{Entropy, Handshake, Identity, Keys, Side};

thread_local! {
    static KEYS: OnceCell<[Keys; 2]> = const { OnceCell::new() };
}

/// Runs `action` with the keys of the caller and the callee, which are always the same.
pub fn with_keys<R>(action: impl FnOnce(&Keys, &Keys) -> R) -> R {
    KEYS.with(|keys| {
        let [a, b] = keys.get_or_init(session);
        action(a, b)
    })
}

fn session() -> [Keys; 2] {
    let host = |side, number| {
        let mut entropy = Entropy::new([number; 32]);
        Handshake::new(side, &Identity::new([number; 32]), b"", &mut entropy)
    };
    let (mut a, mut b) = (host(Side::Caller, 1), host(Side::Callee, 2));
    b.read(&a.write().expect("its turn")).expect("a message");
    a.read(&b.write().expect("its turn")).expect("a message");
    b.read(&a.write().expect("its turn")).expect("a message");
    [a.finish().expect("the end").0, b.finish().expect("the end").0]
}
