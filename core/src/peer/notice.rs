//! Notices: unexpected, but without consequence.

use alloc::boxed::Box;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

use super::path_selection::SELECTS;
use super::{Error, Path, RefusedRequest};
use crate::{FileName, InvalidName, ProtocolError};

/// Something unexpected that changes nothing.
///
/// Its `Display` is the one English wording, for the front ends that show notices as text.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// A data connection did not come from the peer of its session, and was closed.
    UnknownDataSource {
        /// The peer's address.
        expected: IpAddr,
        /// The address that connected.
        from: IpAddr,
    },
    /// A connection to a listener of this host's call did not show the call's ticket, and was closed
    /// (section 5.5). Of several, one is reported.
    WrongTicket {
        /// The address that connected.
        from: IpAddr,
    },
    /// A connection that was tried is not the callee's, and was closed.
    NotTheCallee {
        /// The address that connected.
        from: IpAddr,
        /// The error that shows it.
        error: Error,
    },
    /// A listener for the callee could not be opened; another path is tried.
    ListenFailed {
        /// The reason.
        error: Error,
    },
    /// The callee did not connect to this host's own address; it is awaited at the bridge too.
    ListeningAtBridge,
    /// The callee is behind the same NAT; it is awaited at this host's address there too.
    ListeningNear {
        /// The address.
        ip: IpAddr,
    },
    /// The caller is behind the same NAT, and its address there is not dialled.
    NearRefused {
        /// The address.
        to: SocketAddr,
        /// The reason.
        error: Error,
    },
    /// The callee did not connect to this host's own address; the relay was asked for hole punching
    /// (section 5.8).
    AskedToMeet,
    /// Both hosts connect to each other through their NATs.
    Punching {
        /// The address at which the relay sees the other.
        to: SocketAddr,
    },
    /// Hole punching did not lead to the peer.
    PunchFailed {
        /// The reason.
        why: Box<str>,
    },
    /// Another candidate of the caller is dialled.
    Dialling {
        /// Its address.
        to: SocketAddr,
        /// The path to it.
        path: Path,
    },
    /// A candidate of the caller cannot be reached.
    DialFailed {
        /// Its address.
        to: SocketAddr,
        /// The path to it.
        path: Path,
        /// The system's reason.
        why: Box<str>,
    },
    /// There is no link between both browsers (section 24), or no more.
    LinkFailed {
        /// The reason.
        why: Box<str>,
    },
    /// The peer sent an X_RTC that no host can use.
    LinkMessage(ProtocolError),
    /// The peer sent an X_RTC at the wrong time.
    UnexpectedLinkMessage,
    /// The relay stops soon; this host connects to it anew (section 5.9).
    RelayStops,
    /// The relay did not carry out a packet.
    RelayError {
        /// The packet.
        verb: Box<str>,
        /// The relay's words, quoted.
        reason: Box<str>,
    },
    /// The relay forwarded a line that is not a packet.
    RelayLine(ProtocolError),
    /// The peer asked about a file by an invalid name, and was refused.
    InvalidQuestion(InvalidName),
    /// The peer sent a packet that this host does not know, and that was ignored.
    UnknownPacket {
        /// The packet, quoted.
        verb: Box<str>,
    },
    /// A request of the peer was refused.
    RequestRefused {
        /// The file.
        name: FileName,
        /// The reason.
        why: RefusedRequest,
    },
    /// The peer lists something that this host does not fetch, because it is not a file.
    NotAFile {
        /// Its name.
        name: FileName,
    },
    /// The driver ended a list that no peer had requested.
    UnrequestedList,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A host that has one path never reports these, and leaves out their texts.
            Self::ListenFailed { .. }
            | Self::ListeningAtBridge
            | Self::ListeningNear { .. }
            | Self::NearRefused { .. }
            | Self::AskedToMeet
            | Self::Punching { .. }
            | Self::PunchFailed { .. }
            | Self::Dialling { .. }
            | Self::DialFailed { .. }
                if !SELECTS =>
            {
                Ok(())
            }
            Self::UnknownDataSource { expected, from } => {
                write!(f, "closed a data connection from {from}: the peer is at {expected}")
            }
            Self::WrongTicket { from } => {
                write!(f, "closed a connection from {from}: it did not show this call's ticket")
            }
            Self::NotTheCallee { from, error } => {
                write!(f, "closed a connection from {from}, which is not the peer: {error}")
            }
            Self::ListenFailed { error } => error.fmt(f),
            Self::ListeningAtBridge => {
                f.write_str("no direct connection yet; also listening through the bridge")
            }
            Self::ListeningNear { ip } => {
                write!(f, "the peer is behind the same NAT; also listening at {ip}")
            }
            Self::NearRefused { to, error } => {
                write!(f, "did not dial {to} in this network: {error}")
            }
            Self::AskedToMeet => {
                f.write_str("no direct connection yet; also trying to connect through NAT")
            }
            Self::Punching { to } => write!(f, "connecting to {to} through NAT"),
            Self::PunchFailed { why } => write!(f, "cannot connect through NAT: {why}"),
            Self::Dialling { to, path } => write!(f, "dialling {to} {path}"),
            Self::DialFailed { to, path, why } => write!(f, "cannot reach {to} {path}: {why}"),
            Self::LinkFailed { why } => write!(f, "no direct link between the browsers: {why}"),
            Self::LinkMessage(error) => write!(f, "ignored a message about a link: {error}"),
            Self::UnexpectedLinkMessage => {
                f.write_str("ignored a message about a link that was not expected")
            }
            Self::RelayStops => f.write_str("the relay stops soon; connecting to it anew"),
            Self::RelayError { verb, reason } => write!(f, "relay error on {verb}: {reason}"),
            Self::RelayLine(error) => write!(f, "ignored a line from the relay: {error}"),
            Self::InvalidQuestion(error) => write!(f, "refused a request: {error}"),
            Self::UnknownPacket { verb } => write!(f, "ignored the unknown packet {verb}"),
            Self::RequestRefused { name, why } => write!(f, "refused to send {name}: {why}"),
            Self::NotAFile { name } => write!(f, "skipped {name}: not a file"),
            Self::UnrequestedList => f.write_str("the driver ended a list that was not requested"),
        }
    }
}
