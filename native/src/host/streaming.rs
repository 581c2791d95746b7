//! Files whose bytes are streamed as they arrive, and listings that are read at their reader's pace.

use std::fs::File;
use std::sync::Arc;

use xcher_core::peer::{Input, SessionId, TransferId};
use xcher_core::{FileName, MisuseError, Size};

use super::Host;
use crate::files::Shares;

/// A file whose bytes are streamed to a writer of the user's.
pub(super) struct StreamedFile {
    pub(super) file: Arc<File>,
    pub(super) name: FileName,
}

impl Host {
    /// Requests a file and writes its bytes to `into` as they arrive, whatever the [`Sink`](super::Sink). Once it
    /// is complete and verified, [`Event::Finished`](xcher_core::peer::Event::Finished) is reported.
    ///
    /// # Errors
    ///
    /// As [`Peer::get`](xcher_core::Peer::get).
    pub fn get_into(
        &mut self,
        session: SessionId,
        name: FileName,
        size: Size,
        into: File,
    ) -> Result<TransferId, MisuseError> {
        let (mut actions, stored_as) = (Vec::new(), name.clone());
        let now = self.started.elapsed();
        let started = self.peer.get_stream(session, name, size, now, &mut actions);
        if let Ok(transfer) = started {
            // Before the actions, the first of which may fail the transfer.
            self.streamed.insert(transfer, StreamedFile { file: Arc::new(into), name: stored_as });
        }
        self.carry_out(actions);
        started
    }

    /// Stops reading a session's control connection while its user lags behind, or reads on.
    pub fn hold(&mut self, session: SessionId, hold: bool) {
        let changed = if hold { self.held.insert(session) } else { self.held.remove(&session) };
        if let (true, Some(conn)) = (changed, self.peer.control_connection(session)) {
            self.hold_connection(conn, hold);
        }
    }

    /// Returns what this host shares.
    pub fn shares(&self) -> &Shares {
        &self.shares
    }

    /// Shares these files from now on. Transfers in progress continue.
    pub fn set_shares(&mut self, shares: Shares) {
        self.shares = Arc::new(shares);
    }

    /// Keeps the core from taking a held session's peer for silent.
    pub(super) fn report_held(&mut self) {
        for session in self.held.iter().copied().collect::<Vec<_>>() {
            self.input(Input::ListBackpressure { session });
        }
    }
}
