//! Links by WebRTC between browsers (section 24), as a driver sees them.

use alloc::boxed::Box;

use super::ConnId;
use crate::secure::Side;

/// Whether a host makes links to peers that it is connected to through a bridge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkPolicy {
    /// Never; peers do not learn that it could.
    #[default]
    Never,
    /// Once files come slowly through the bridge.
    Auto,
    /// In every session that it opens.
    Always,
}

/// What a driver does about the link of a session. It reports with [`LinkReport`], also that a step failed:
/// [`LinkReport::Down`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkStep {
    /// Make a connection, and describe it: [`LinkReport::Described`].
    Offer,
    /// Make a connection for the peer's description, and describe it: [`LinkReport::Described`], and
    /// [`LinkReport::Up`] once it is open.
    Answer(Box<str>),
    /// Take the peer's description of the other end: [`LinkReport::Up`] once the link is open.
    Accept(Box<str>),
    /// Open a stream that begins with X_DATA, as a data connection: [`Input::Connected`](super::Input::Connected)
    /// or [`Input::ConnectFailed`](super::Input::ConnectFailed).
    Open {
        /// The connection.
        conn: ConnId,
        /// The number of the peer's request.
        number: u64,
    },
    /// Close the link once nothing moves on it: [`LinkReport::Down`] if it was open.
    Close,
}

/// A driver's report about the link of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkReport {
    /// This end of it, for the peer.
    Described(Box<str>),
    /// It is open.
    Up,
    /// The peer opened a stream that begins with X_DATA.
    Stream {
        /// The connection, from [`Peer::new_conn`](crate::Peer::new_conn).
        conn: ConnId,
        /// The side that requested.
        side: Side,
        /// The number of its request.
        number: u64,
    },
    /// It cannot be made, or is closed: the reason. Inputs about the ends of its connections follow.
    Down(Box<str>),
}
