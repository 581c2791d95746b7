//! A file that this host serves (section 4): the provider's side.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use crate::peer::link_state::Pace;
use crate::peer::{ConnId, Error, ListenerId, Path, SessionId, Wait};
use crate::stream::{Digest, Seal};
use crate::{FileName, Limits, Size};

/// From then on a file must have moved at the least rate that the limits allow.
pub(crate) const SLOW_AFTER: Duration = Duration::from_secs(600);

/// A file, or a batch of them, that the peer requested.
pub(crate) struct Serve {
    pub(crate) session: SessionId,
    pub(crate) name: FileName,
    pub(crate) size: Size,
    /// The encryption of its bytes, until they move.
    pub(crate) seal: Option<Seal>,
    /// The files of a batch, until their bytes move.
    pub(crate) files: Vec<(FileName, u64)>,
    /// Set if the requester reports what became of its files.
    pub(crate) reported: bool,
    /// Files that are moving and of which the session awaits no receipt.
    pub(crate) unreported: Vec<(FileName, u64)>,
    /// The peer's address of the control connection, at the port that X_REQUEST named.
    pub(crate) to: SocketAddr,
    /// The path of that connection.
    pub(crate) path: Path,
    /// The number of the request.
    pub(crate) number: u64,
    /// The part that the requester has: this many bytes of this digest.
    pub(crate) has: Option<(u64, Digest)>,
    pub(crate) stage: ServeStage,
    /// The requester, while it holds a place among the files that leave this host.
    pub(crate) requester: Option<IpAddr>,
    /// Set if they take the session's link.
    pub(crate) on_link: bool,
    pub(crate) pace: Pace,
    /// Time at which its bytes began to move.
    pub(crate) began: Duration,
    pub(crate) deadline: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ServeStage {
    /// Waits for its turn.
    Waiting,
    /// The driver opens the file, so that a request for an unreadable one is refused. Where the
    /// requester has a part of it, the driver also checks that the file still begins with it.
    Opening,
    Dialling(ConnId),
    /// The requester dials (section 15): the driver was asked for a listener.
    Listening(ListenerId),
    /// X_PORT was sent.
    Awaiting(ListenerId),
    Sending(ConnId),
}

impl Serve {
    pub(crate) fn is_moving(&self) -> bool {
        matches!(self.stage, ServeStage::Sending(_))
    }

    /// Returns true if it counts among the running transfers of its session.
    pub(crate) fn is_running(&self) -> bool {
        self.stage != ServeStage::Waiting
    }

    /// Its files, one or many, and their sizes.
    pub(crate) fn all_files(&self) -> Vec<(FileName, u64)> {
        match self.files.is_empty() {
            true => [(self.name.clone(), self.size.bytes())].into(),
            false => self.files.clone(),
        }
    }

    /// Bytes that the requester has already.
    pub(crate) fn offset(&self) -> u64 {
        self.has.map_or(0, |(length, _)| length)
    }

    /// The listener that it holds.
    pub(crate) fn listener(&self) -> Option<ListenerId> {
        match self.stage {
            ServeStage::Listening(listener) | ServeStage::Awaiting(listener) => Some(listener),
            _ => None,
        }
    }

    /// The data connection that it holds.
    pub(crate) fn conn(&self) -> Option<ConnId> {
        match self.stage {
            ServeStage::Dialling(conn) | ServeStage::Sending(conn) => Some(conn),
            _ => None,
        }
    }

    /// Returns true if `bytes` are too few by now: it holds its place and hardly uses it.
    pub(crate) fn is_too_slow(&self, bytes: u64, min_rate: u64, now: Duration) -> bool {
        let took = now.saturating_sub(self.began);
        self.is_moving()
            && !self.size.is_unknown()
            && took >= SLOW_AFTER
            && bytes.saturating_sub(self.offset()) < took.as_secs().saturating_mul(min_rate)
    }

    pub(crate) fn timed_out(&self, limits: &Limits) -> Error {
        match self.stage {
            ServeStage::Sending(_) => {
                Error::TimedOut { waited_for: Wait::RequesterReceives, after: limits.stall_timeout }
            }
            ServeStage::Opening => {
                Error::TimedOut { waited_for: Wait::FileOpens, after: limits.accept_timeout }
            }
            _ => Error::TimedOut { waited_for: Wait::DataConnection, after: limits.accept_timeout },
        }
    }

    /// Asserts that its place and its files agree with its stage.
    pub(crate) fn check(&self) {
        let has_place = self.requester.is_some();
        assert_eq!(has_place, self.is_running(), "a place of its requester's in {:?}", self.stage);
        let moved = self.is_moving();
        assert!(moved || self.unreported.is_empty(), "files count as sent in {:?}", self.stage);
        assert!(!moved || self.files.is_empty() && self.seal.is_none(), "begun, not handed over");
    }
}
