//! Connections that exist only here: two directions of bytes each, delivered when the schedule says.

use std::collections::VecDeque;

/// Who is at an end of a connection: a host or the relay, and what it calls the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// `None` is the relay.
    pub host: Option<usize>,
    pub conn: u64,
}

/// What an end knows of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Dialled or accepted, and not told yet.
    Coming,
    Up,
    /// Closed by this end, or told of the other's close.
    Gone,
}

/// Bytes from one end to the other.
#[derive(Debug, Default)]
pub struct Way {
    pub bytes: VecDeque<u8>,
    /// The sender has closed: after the bytes comes the end.
    pub closed: bool,
}

#[derive(Debug)]
pub struct Wire {
    pub ends: [End; 2],
    pub life: [Life; 2],
    pub paused: [bool; 2],
    /// `ways[0]` leads from `ends[0]` to `ends[1]`.
    pub ways: [Way; 2],
    /// Broken by the weather: nothing more arrives.
    pub cut: bool,
    pub data: bool,
}

impl Wire {
    pub fn new(from: End, to: End, data: bool) -> Self {
        Self {
            ends: [from, to],
            life: [Life::Coming; 2],
            paused: [false; 2],
            ways: [Way::default(), Way::default()],
            cut: false,
            data,
        }
    }

    /// Which end is this host's (or the relay's) `conn`.
    pub fn side(&self, end: End) -> Option<usize> {
        self.ends.iter().position(|other| *other == end)
    }

    pub fn is_gone(&self) -> bool {
        self.life == [Life::Gone; 2]
    }
}
