//! The requests whose answers this relay awaits.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use super::RequestId;
use super::call::RemoteCall;
use super::in_turn::InTurn;
use super::meeting::RemoteInvitation;
use crate::registry::ConnId;

/// What a request is for. The number tells it from an earlier one of the same connection.
pub(super) enum Purpose {
    /// A host asked for a nick.
    Claim { conn: ConnId, number: u64 },
    /// A host has a nick.
    Renewal { conn: ConnId, number: u64 },
    /// A host calls another.
    Call(Box<RemoteCall>),
    /// A host asks for hole punching with another.
    Meet(Box<RemoteInvitation>),
}

impl Purpose {
    /// Returns what is asked in turn, a question about the host with a nick, and the client that asks.
    pub(super) fn in_turn(&mut self) -> Option<(ConnId, &mut InTurn)> {
        match self {
            Self::Claim { .. } | Self::Renewal { .. } => None,
            Self::Call(call) => Some((call.conn, &mut call.in_turn)),
            Self::Meet(invitation) => Some((invitation.conn, &mut invitation.in_turn)),
        }
    }
}

/// The requests under way. The driver ends each of them.
#[derive(Default)]
pub(super) struct Requests {
    waiting: BTreeMap<RequestId, Purpose>,
    /// The last number given.
    last: u64,
}

impl Requests {
    /// Returns a number that no other request or claim has.
    pub(super) fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    pub(super) fn insert(&mut self, purpose: Purpose) -> RequestId {
        let id = RequestId(self.number());
        self.waiting.insert(id, purpose);
        id
    }

    pub(super) fn take(&mut self, id: RequestId) -> Option<Purpose> {
        self.waiting.remove(&id)
    }

    /// Takes all, in the order in which they were sent.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Purpose> + use<> {
        core::mem::take(&mut self.waiting).into_values()
    }
}
