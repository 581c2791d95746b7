//! The services that a host needs from JavaScript.

use std::time::Duration;

use xcher_core::delivery::{Outcome, Status};
use xcher_core::peer::{Event, SessionId, TransferId};
use xcher_core::secure::PublicKey;
use xcher_core::{FileName, Nick};

use super::OfferState;

/// Does what a host cannot do by itself. No method may call the host before it returns.
pub trait Environment {
    /// Returns the time since a fixed moment.
    fn now(&self) -> Duration;
    /// Opens the WebSocket of a tunnel, which goes by this number from now on.
    /// [`Host::opened`](super::Host::opened) or [`Host::lost`](super::Host::lost) follows.
    fn connect(&self, tunnel: u32);
    /// Makes a connection of WebRTC with a data channel, the link of this number, and describes it; for the peer's
    /// offer if there is one. [`Host::described`](super::Host::described) follows, and
    /// [`Host::opened`](super::Host::opened), or [`Host::lost`](super::Host::lost).
    fn link(&self, tunnel: u32, offer: Option<&str>);
    /// Takes the peer's description of the other end of a link.
    fn accept_link(&self, tunnel: u32, answer: &str);
    /// Closes the WebSocket of a tunnel or link, if it has one. Nothing more may arrive from it.
    fn disconnect(&self, tunnel: u32);
    /// Sends a message over a tunnel. Returns false if it must wait; [`Host::turn`](super::Host::turn) follows
    /// when there is room.
    fn send(&self, tunnel: u32, message: &[u8]) -> bool;
    /// Reads the next `length` bytes of the file that this transfer sends, or, with a name, all of that file
    /// of a batch. [`Host::supply`](super::Host::supply) or [`Host::read_failed`](super::Host::read_failed)
    /// follows, for the files of a batch in the order of these calls.
    fn read(&self, transfer: TransferId, length: usize, name: Option<&FileName>);
    /// Reads the first `length` bytes of a file that is shared with a session.
    /// [`Host::supply`](super::Host::supply) with each piece and
    /// [`Host::prefix_end`](super::Host::prefix_end) follow.
    fn read_prefix(&self, transfer: TransferId, session: SessionId, name: &FileName, length: u64);
    /// Reads the partial file that a transfer may resume. Calls follow as for
    /// [`read_prefix`](Self::read_prefix).
    fn read_partial(&self, transfer: TransferId);
    /// Takes bytes of a file that this host receives.
    fn receive(&self, transfer: TransferId, bytes: &[u8]);
    /// Reports that [`receive`](Self::receive) has had every byte of a file, and whether they match its
    /// digest; false if there is none. [`Host::stored`](super::Host::stored) or
    /// [`Host::not_stored`](super::Host::not_stored) follows.
    fn file_complete(&self, transfer: TransferId, verified: bool);
    /// Remembers the key of a nick at this relay.
    fn pin(&self, nick: &Nick, key: PublicKey);
    /// Reports a change of an offer, by its number; `last` if no other follows.
    fn offer_changed(&self, offer: u64, state: OfferState, last: bool, outcome: &Outcome);
    /// Reports a change of the files served by a code: never [`Status::Pending`].
    fn code_status(&self, status: &Status);
    /// Passes on an event; `tunnel_lost` if the loss of the tunnel caused it.
    fn event(&self, event: Event, tunnel_lost: bool);
}
