//! What both sides of a finished handshake share (sections 11.2 and 11.4).

use super::secret::Secret;
use super::{Cipher, DataKey, PublicKey};

/// Which of the two a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// A, who sent X_INIT, listens, and writes the first message.
    Caller,
    /// B, who received it and dialled.
    Callee,
}

impl Side {
    /// Who is at the other end.
    pub fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }

    /// The letter that stands for it where it is hashed.
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

    /// Which side this host is.
    pub fn side(&self) -> Side {
        self.side
    }

    /// The key that the other side proved to have.
    pub fn remote_key(&self) -> PublicKey {
        self.remote
    }

    /// The handshake hash: the same at both ends, of no other session, and no secret.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The key of the data connection that `requester`'s request `number` leads to, counted from 0
    /// over all of that side's requests in this session (section 11.4).
    ///
    /// The provider makes one [`DataSealer`](super::DataSealer) of it, and never a second.
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
