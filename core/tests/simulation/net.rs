//! Simulated connections: bytes in two directions, delivered when the schedule says.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// One end of a connection: a host or the relay, and its id of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The host; `None` for the relay.
    pub host: Option<usize>,
    pub conn: u64,
}

/// The state of a connection at one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Dialled or accepted, and not reported yet. Until it is accepted, the id of that end is the listener's.
    Opening,
    Up,
    /// Closed by this end, or reported as closed by the other.
    Closed,
}

/// Bytes from one end to the other.
#[derive(Debug, Default)]
pub struct Flow {
    pub bytes: VecDeque<u8>,
    /// The sender has closed: after the bytes comes the end.
    pub closed: bool,
    /// They do not arrive before this time.
    pub ready_at: Duration,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Relay,
    /// A connection to the relay from the port of a rendezvous.
    Rendezvous,
    Control,
    Data,
}

/// The addresses of a connection as one of its ends sees them: its own and the other's.
pub type View = (SocketAddr, SocketAddr);

#[derive(Debug)]
pub struct Wire {
    pub ends: [End; 2],
    pub life: [Life; 2],
    pub paused: [bool; 2],
    /// `flows[0]` leads from `ends[0]` to `ends[1]`.
    pub flows: [Flow; 2],
    pub views: [View; 2],
    /// Set once broken: nothing more arrives.
    pub cut: bool,
    /// Set once nothing arrives any more, and no end notices that.
    pub hangs: bool,
    pub of: Use,
    /// The link that it is a stream of.
    pub link: Option<u64>,
}

impl Wire {
    pub fn new(from: End, to: End, of: Use, views: [View; 2]) -> Self {
        Self {
            ends: [from, to],
            life: [Life::Opening; 2],
            paused: [false; 2],
            flows: [Flow::default(), Flow::default()],
            views,
            cut: false,
            hangs: false,
            of,
            link: None,
        }
    }

    /// The index of an end.
    pub fn side(&self, end: End) -> Option<usize> {
        self.ends.iter().position(|other| *other == end)
    }

    pub fn is_closed(&self) -> bool {
        self.life == [Life::Closed; 2]
    }

    pub fn is_data(&self) -> bool {
        self.of == Use::Data
    }

    /// Returns true for a host's connection to the relay, by which it has its nick.
    pub fn is_to_relay(&self) -> bool {
        self.of == Use::Relay
    }

    /// Returns true for a link itself, which both sides accept.
    pub fn is_link(&self) -> bool {
        self.link.is_some() && self.of == Use::Control
    }

    /// Breaks it for both ends.
    pub fn cut(&mut self) {
        self.cut = true;
        self.hangs = false;
    }
}
