//! The call that a session comes of.

use core::net::IpAddr;

use crate::Nick;
use crate::code::Code;
use crate::peer::SessionId;
use crate::secure::Side;

/// A call, from the point of view of this host.
pub(crate) enum Call {
    /// This host called.
    Outgoing {
        nick: Nick,
        /// The code to prove, where the peer is called by one.
        code: Option<Code>,
    },
    /// The peer called this host.
    Incoming {
        /// The caller's nick, as the relay says.
        nick: Option<Nick>,
        /// The caller, whose place among the sessions this one takes.
        caller: IpAddr,
        /// This host's nick, as X_INIT spelled it.
        called_as: Nick,
        /// An earlier call of the same nick, about which the user is asked: the answer is for both.
        asked_with: Option<SessionId>,
    },
}

impl Call {
    pub(crate) fn is_incoming(&self) -> bool {
        matches!(self, Self::Incoming { .. })
    }

    pub(crate) fn side(&self) -> Side {
        if self.is_incoming() { Side::Callee } else { Side::Caller }
    }

    /// The peer's nick.
    pub(crate) fn nick(&self) -> Option<&Nick> {
        match self {
            Self::Outgoing { nick, .. } => Some(nick),
            Self::Incoming { nick, .. } => nick.as_ref(),
        }
    }

    /// The nick that was called, as the caller spelled it.
    pub(crate) fn called_as(&self) -> &Nick {
        match self {
            Self::Outgoing { nick, .. } => nick,
            Self::Incoming { called_as, .. } => called_as,
        }
    }

    pub(crate) fn code(&self) -> Option<&Code> {
        match self {
            Self::Outgoing { code, .. } => code.as_ref(),
            Self::Incoming { .. } => None,
        }
    }

    /// The address of a caller; `None` where this host called.
    pub(crate) fn caller(&self) -> Option<IpAddr> {
        match self {
            Self::Outgoing { .. } => None,
            Self::Incoming { caller, .. } => Some(*caller),
        }
    }

    pub(crate) fn asked_with(&self) -> Option<SessionId> {
        match self {
            Self::Outgoing { .. } => None,
            Self::Incoming { asked_with, .. } => *asked_with,
        }
    }
}
