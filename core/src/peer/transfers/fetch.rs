//! A file that this host fetches (section 4): the requester's side.

use core::net::IpAddr;
use core::time::Duration;

use super::{Batch, FetchRequest, Resume};
use crate::peer::link_state::Pace;
use crate::peer::{ConnId, Error, Interruption, ListenerId, SessionId, Wait};
use crate::{FileName, Limits, Size, Stat};

/// A file, or a batch of them, that this host wants.
pub(crate) struct Fetch {
    pub(crate) session: SessionId,
    /// Of a batch, the name that a refusal of it carries.
    pub(crate) name: FileName,
    pub(crate) size: Size,
    pub(crate) stat: Stat,
    pub(crate) stage: FetchStage,
    /// The peer's address of the control connection: only it may bring the file.
    pub(crate) provider: Option<IpAddr>,
    pub(crate) request: FetchRequest,
    pub(crate) resume: Resume,
    pub(crate) batch: Option<Batch>,
    /// The driver passes its bytes on as they arrive, so it is neither resumed nor part of a batch.
    pub(crate) streamed: bool,
    /// Every byte has arrived, and the driver stores it later, with others.
    pub(crate) deferred: bool,
    pub(crate) bytes: u64,
    /// Set once its bytes come over the session's link.
    pub(crate) on_link: bool,
    pub(crate) pace: Pace,
    pub(crate) deadline: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FetchStage {
    /// Waits for its turn.
    Waiting,
    /// The driver looks for a partial file.
    Searching,
    /// The driver was asked for a listener.
    Listening(ListenerId),
    /// X_REQUEST was sent, with a listener or for the provider to listen (section 15).
    Requested(Option<ListenerId>),
    /// The provider listens, and this host dials it.
    Dialling(ConnId),
    Receiving(ConnId),
    Storing,
}

impl Fetch {
    pub(crate) fn new(session: SessionId, name: FileName, size: Size, stat: Stat) -> Self {
        Self {
            session,
            name,
            size,
            stat,
            stage: FetchStage::Waiting,
            provider: None,
            request: FetchRequest::default(),
            resume: Resume::default(),
            batch: None,
            streamed: false,
            deferred: false,
            bytes: 0,
            on_link: false,
            pace: Pace::default(),
            deadline: None,
        }
    }

    pub(crate) fn is_moving(&self) -> bool {
        matches!(self.stage, FetchStage::Receiving(_))
    }

    /// Returns true if it counts among the running transfers of its session.
    pub(crate) fn is_running(&self) -> bool {
        self.stage != FetchStage::Waiting
    }

    /// The listener that it holds.
    pub(crate) fn listener(&self) -> Option<ListenerId> {
        match self.stage {
            FetchStage::Listening(listener) | FetchStage::Requested(Some(listener)) => {
                Some(listener)
            }
            _ => None,
        }
    }

    /// The data connection that it holds.
    pub(crate) fn conn(&self) -> Option<ConnId> {
        match self.stage {
            FetchStage::Dialling(conn) | FetchStage::Receiving(conn) => Some(conn),
            _ => None,
        }
    }

    pub(crate) fn timed_out(&self, limits: &Limits) -> Error {
        match self.stage {
            FetchStage::Receiving(_) => Error::Incomplete {
                expected: self.size,
                got: self.bytes,
                why: Some(Interruption::Stalled),
            },
            _ => Error::TimedOut { waited_for: Wait::DataConnection, after: limits.accept_timeout },
        }
    }

    /// Asserts that its parts agree with its stage.
    pub(crate) fn check(&self) {
        use FetchStage::{Listening, Searching, Waiting};
        self.request.check();
        self.resume.check();
        match self.stage {
            Waiting => assert!(self.request.number().is_none(), "a waiting file was requested"),
            Searching | Listening(_) => assert!(self.provider.is_some(), "no provider is known"),
            _ => assert!(self.request.number().is_some(), "{:?} without a request", self.stage),
        }
        let is_deferrable = self.stage == FetchStage::Storing || self.batch.is_some();
        assert!(!self.deferred || is_deferrable, "{:?} is deferred", self.stage);
        assert!(self.batch.is_none() || self.stat == Stat::default(), "a batch has no stat");
    }
}
