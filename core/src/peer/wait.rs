//! The things that a host waits for within a limited time.

use core::fmt;

/// Something that did not happen in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// A connection to the relay.
    RelayConnection,
    /// The relay's answer to X_NICK.
    RelayNick,
    /// The relay's proof of its key.
    RelayKey,
    /// Any line of the relay.
    RelayPing,
    /// The connection back of the callee.
    ConnectionBack,
    /// The decision of this host's user about a call.
    Consent,
    /// A connection to the caller.
    Connection,
    /// The answer to the probe, which says whether the peer supports encryption.
    ProbeAnswer,
    /// The rest of the handshake.
    Handshake,
    /// The first packet of a caller.
    FirstPacket,
    /// An answer of the peer.
    Answer,
    /// The peer reads what was written to it.
    PeerReads,
    /// A data connection.
    DataConnection,
    /// The driver opens a file.
    FileOpens,
    /// The requester receives bytes of a file.
    RequesterReceives,
    /// The requester receives as many bytes as the least rate of the limits demands.
    LeastRate,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RelayConnection => "no connection to the relay",
            Self::RelayNick => "the relay did not answer X_NICK",
            Self::RelayKey => "the relay did not prove its key",
            Self::RelayPing => "the relay sent nothing",
            Self::ConnectionBack => "the peer did not connect back",
            Self::Consent => "the call was not answered",
            Self::Connection => "no connection to the caller",
            Self::ProbeAnswer => "the peer did not say if it supports encryption",
            Self::Handshake => "the peer did not complete the handshake",
            Self::FirstPacket => "the peer sent no packet",
            Self::Answer => "the peer did not answer",
            Self::PeerReads => "the peer read nothing",
            Self::DataConnection => "no data connection",
            Self::FileOpens => "the file could not be opened",
            Self::RequesterReceives => "the peer received nothing",
            Self::LeastRate => "the peer received too slowly",
        })
    }
}
