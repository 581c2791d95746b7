//! Files whose bytes are streamed as they arrive, texts, and listings that are read at their reader's pace.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::sync::Arc;

use xcher_core::peer::{Input, SessionId, TransferId};
use xcher_core::text::{MAX_TEXT_LEN, parse_text};
use xcher_core::{FileName, MisuseError, NotStored, Size};

use super::Host;
use super::event::HostEvent;
use crate::files::Shares;

/// A file whose bytes are streamed to a writer of the user's.
pub(super) struct StreamedFile {
    pub(super) file: Arc<File>,
    pub(super) name: FileName,
    /// The session, if the bytes are a text for the user.
    pub(super) text_of: Option<SessionId>,
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
        self.stream(session, name, size, into, None)
    }

    /// Requests a text, whatever the [`Sink`](super::Sink), and keeps it in the empty file `into` until it is
    /// complete and verified. Then [`HostEvent::Text`] reports it, and [`text_shown`](Self::text_shown) must say
    /// what became of it.
    ///
    /// # Errors
    ///
    /// As [`Peer::get`](xcher_core::Peer::get).
    pub fn get_text(
        &mut self,
        session: SessionId,
        name: FileName,
        size: Size,
        into: File,
    ) -> Result<TransferId, MisuseError> {
        self.stream(session, name, size, into, Some(session))
    }

    /// Takes the report that the user has a text, or why not. Only then does the peer learn that it arrived.
    pub fn text_shown(&mut self, transfer: TransferId, shown: Result<(), Box<str>>) {
        let Some(StreamedFile { name, .. }) = self.streamed.remove(&transfer) else { return };
        self.input(match shown {
            Ok(()) => Input::Stored { transfer, name },
            Err(why) => Input::StoreFailed { transfer, reason: NotStored::Other, why },
        });
    }

    /// Reports a complete text to the user. Returns false if this transfer is not a text.
    pub(super) fn report_text(&mut self, transfer: TransferId) -> bool {
        let Some(StreamedFile { file, name, text_of: Some(session) }) =
            self.streamed.get(&transfer)
        else {
            return false;
        };
        match read_text(file) {
            Ok(text) => {
                let (session, name) = (*session, name.clone());
                self.events.push_back(HostEvent::Text { transfer, session, name, text });
            }
            Err(why) => self.later(Input::StoreFailed { transfer, reason: NotStored::Other, why }),
        }
        true
    }

    fn stream(
        &mut self,
        session: SessionId,
        name: FileName,
        size: Size,
        into: File,
        text_of: Option<SessionId>,
    ) -> Result<TransferId, MisuseError> {
        let (mut actions, stored_as) = (Vec::new(), name.clone());
        let now = self.started.elapsed();
        let started = self.peer.get_stream(session, name, size, now, &mut actions);
        if let Ok(transfer) = started {
            // Before the actions, the first of which may fail the transfer.
            let file = StreamedFile { file: Arc::new(into), name: stored_as, text_of };
            self.streamed.insert(transfer, file);
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

/// Reads a text back from its file, which is short.
fn read_text(mut file: &File) -> Result<Box<str>, Box<str>> {
    let mut bytes = Vec::new();
    let read = file.rewind().and_then(|()| file.take(MAX_TEXT_LEN + 1).read_to_end(&mut bytes));
    read.map_err(|error| format!("the text cannot be read back: {error}"))?;
    let text = parse_text(&bytes);
    Ok(text.map_err(|error| format!("not a text that can be shown: {error}"))?.into())
}
