//! The keys that both sides of a finished handshake share (sections 11.2 and 11.4).

use super::secret::Secret;
use super::{Cipher, DataKey, PublicKey};

/// One of the two sides of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The caller, A: sends X_INIT, listens, and writes the first message.
    Caller,
    /// The callee, B: receives X_INIT and dials.
    Callee,
}

impl Side {
    /// Returns the other side.
    pub fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }

    /// Returns the letter that represents the side in hashes.
    pub(crate) fn letter(self) -> u8 {
        match self {
            Self::Caller => b'A',
            Self::Callee => b'B',
        }
    }
}

/// The secrets of one session. Overwritten when dropped.
#[derive(Debug)]
pub struct Keys {
    side: Side,
    split: Secret<64>,
    hash: [u8; 32],
    remote: PublicKey,
}

impl Keys {
    pub(super) fn new(
        side: Side,
        first: &Secret<32>,
        second: &Secret<32>,
        hash: [u8; 32],
        remote: PublicKey,
    ) -> Self {
        let mut split = Secret([0; 64]);
        split[..32].copy_from_slice(&**first);
        split[32..].copy_from_slice(&**second);
        Self { side, split, hash, remote }
    }

    /// Returns this host's side.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Returns the key that the peer proved to hold.
    pub fn remote_key(&self) -> PublicKey {
        self.remote
    }

    /// Returns the handshake hash: equal on both sides, unique to the session, and not secret.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Returns the key of the data connection for `requester`'s request `number`, counted from 0 over all of
    /// that side's requests in this session (section 11.4).
    ///
    /// The provider must not create two [`DataSealer`](super::DataSealer)s of the same key.
    pub fn data(&self, requester: Side, number: u64, cipher: Cipher) -> DataKey {
        let key = blake3::Hasher::new_derive_key("xcher 2 data key")
            .update(&*self.split)
            .update(&self.hash)
            .update(&[requester.letter()])
            .update(&number.to_le_bytes())
            .update(cipher.name().as_bytes())
            .finalize();
        DataKey::new(Secret(key.into()), cipher)
    }
}
