//! Commands to the task that owns a host.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{oneshot, watch};
use xcher_core::peer::{SessionCommand, SessionId};
use xcher_core::{FileName, SharedFile};

use super::downloaded::Downloaded;
use super::error::Error;
use super::listing_writer::ListingWriter;
use super::session_state::SessionState;
use super::target::Target;
use crate::files::Shares;

/// Returns the answer to a command.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// A new session, and its state from now on.
pub(super) type Opened = (SessionId, watch::Receiver<SessionState>);

/// Identifies a command that can be withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct RequestId(u64);

impl RequestId {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A command of a handle. Its reply is dropped if the peer is closed before it is answered.
pub(super) enum Command {
    /// Opens a session.
    Open(RequestId, Target, Reply<Opened>),
    /// Withdraws a call that was not answered yet.
    WithdrawOpen(RequestId),
    /// Forwards a command; a session that is over ignores it.
    Session(SessionId, SessionCommand),
    List(SessionId, ListingWriter),
    /// Reads a session on that was held for a slow reader.
    Release(SessionId),
    Check(SessionId, FileName, Reply<bool>),
    /// Fetches a file, to be stored or written into a stream.
    Get(RequestId, SessionId, SharedFile, Option<File>, Reply<Downloaded>),
    /// Cancels a transfer, unless it has ended.
    CancelGet(RequestId),
    /// Shares more files; the disk was read before.
    Share(Shares, Reply<()>),
    Unshare(Box<str>),
    Who(Reply<Vec<String>>),
    Stop(Option<Reply<()>>),
}
