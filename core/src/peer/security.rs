//! The security of a session, as it is reported to the user.

use crate::secure::PublicKey;

/// Who can read a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Only the peer can read it.
    Encrypted {
        /// The key that the peer proved to hold.
        key: PublicKey,
        /// How far this host knows that key.
        status: KeyStatus,
    },
    /// Anyone who can watch the network can read it.
    Unencrypted(WhyUnencrypted),
}

/// How far this host knows the peer's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// The key that this nick had before.
    Pinned,
    /// The first key seen of this nick, pinned from now on.
    FirstSeen,
    /// The peer proved to know the code.
    ByCode,
    /// Not pinned: the peer called this host, or its nick is a code's.
    Unpinned,
}

/// Why a session is not encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyUnencrypted {
    /// Encryption is disabled on this host.
    Disabled,
    /// The peer knows only the base protocol.
    PeerUnsupported,
}
