//! Several small files on one data connection (section 18), as the requester sees them.

use alloc::vec::Vec;

use crate::peer::{BatchFile, Direction, Error, Event, SessionId, TransferId};

/// The files of a fetch that brings several.
#[derive(Default)]
pub(crate) struct Batch {
    /// Each is a transfer of its own until it ends.
    pub(crate) members: Vec<TransferId>,
    /// The files that the request names, until their bytes can come.
    pub(crate) files: Vec<BatchFile>,
    /// The end of the last file, reported once the batch itself has ended: its reader may then look
    /// whether anything is still running.
    pub(crate) last: Option<Event>,
}

/// One file of a batch.
pub(crate) struct Member {
    pub(crate) session: SessionId,
    pub(crate) file: BatchFile,
    /// The number of the request that names it, and its index there.
    pub(crate) requested: Option<(u64, u64)>,
}

impl Member {
    pub(crate) fn failed(self, error: Error) -> Event {
        let Self { session, file: BatchFile { transfer, name, .. }, .. } = self;
        Event::Failed { transfer, session, direction: Direction::Receive, name, error }
    }
}
