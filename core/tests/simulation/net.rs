//! Simulated connections: bytes in two directions, delivered when the schedule says.

use std::collections::VecDeque;
use std::net::IpAddr;

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
    /// Dialled or accepted, and not reported yet.
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
}

#[derive(Debug)]
pub struct Wire {
    pub ends: [End; 2],
    pub life: [Life; 2],
    pub paused: [bool; 2],
    /// `flows[0]` leads from `ends[0]` to `ends[1]`.
    pub flows: [Flow; 2],
    /// Set once broken: nothing more arrives.
    pub cut: bool,
    pub data: bool,
    /// The address that its first end dialled.
    pub dialled: Option<IpAddr>,
    /// The address at which the relay sees an attacker.
    pub seen: Option<IpAddr>,
}

impl Wire {
    pub fn new(from: End, to: End, data: bool) -> Self {
        Self {
            ends: [from, to],
            life: [Life::Opening; 2],
            paused: [false; 2],
            flows: [Flow::default(), Flow::default()],
            cut: false,
            data,
            dialled: None,
            seen: None,
        }
    }

    /// The index of an end.
    pub fn side(&self, end: End) -> Option<usize> {
        self.ends.iter().position(|other| *other == end)
    }

    pub fn is_closed(&self) -> bool {
        self.life == [Life::Closed; 2]
    }
}
