//! The security of a session, as it is reported to the user.

use crate::secure::PublicKey;

/// The confidentiality of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Only the peer can read it.
    Encrypted {
        /// The key that the peer proved to hold.
        key: PublicKey,
        /// The trust that this host has in that key.
        status: KeyStatus,
    },
    /// Anyone who can watch the network can read it.
    Unencrypted(WhyUnencrypted),
}

/// The trust that a host has in its peer's key.
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

/// The reason why a session is not encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyUnencrypted {
    /// Encryption is disabled on this host.
    Disabled,
    /// The peer knows only the base protocol.
    PeerUnsupported,
}
