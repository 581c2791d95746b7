//! Starts fetches (section 4): from the user's command to X_REQUEST.

use alloc::vec::Vec;
use core::time::Duration;

use super::session_entry::SessionEntry;
use super::transfers::{Fetch, FetchStage};
use super::{Action, Error, ListenerId, ListenerRole, Peer, Purpose, SessionId, TransferId, Turn};
use crate::secure::Side;
use crate::session::Extensions;
use crate::stream::Digest;
use crate::{FileName, MisuseError, Size, Stat};

impl Peer {
    /// Requests a file, as the peer listed or offered it. [`Event::Started`](super::Event::Started) and
    /// [`Event::Finished`](super::Event::Finished) follow, or [`Event::Failed`](super::Event::Failed). As
    /// many files as the limits allow come at once; more wait.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoSession`], [`MisuseError::TooManyRequests`].
    pub fn get(
        &mut self,
        session: SessionId,
        name: FileName,
        size: Size,
        stat: Stat,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<TransferId, MisuseError> {
        self.run(now, actions, |peer, turn| {
            peer.may_wait(session, 1)?;
            let id = peer.enqueue_fetch(session, name, size, stat, turn);
            peer.start_fetches(session, turn);
            Ok(id)
        })
    }

    /// Requests a file as [`get`](Self::get) does, for a driver that passes its bytes on as they arrive: nothing
    /// of an earlier attempt is resumed, and the file travels on a data connection of its own.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_stream(
        &mut self,
        session: SessionId,
        name: FileName,
        size: Size,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<TransferId, MisuseError> {
        self.run(now, actions, |peer, turn| {
            peer.may_wait(session, 1)?;
            let id = peer.enqueue_fetch(session, name, size, Stat::default(), turn);
            if let Some(fetch) = peer.transfers.fetch_mut(id) {
                fetch.streamed = true;
            }
            peer.start_fetches(session, turn);
            Ok(id)
        })
    }

    /// Requests many files, as [`get`](Self::get) does one: small ones then share a connection where the
    /// peer knows batches. Their ids are consecutive.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); nothing was requested then.
    pub fn get_all(
        &mut self,
        session: SessionId,
        files: Vec<(FileName, Size, Stat)>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<Vec<TransferId>, MisuseError> {
        self.run(now, actions, |peer, turn| {
            peer.may_wait(session, files.len())?;
            let ids = files
                .into_iter()
                .map(|(name, size, stat)| peer.enqueue_fetch(session, name, size, stat, turn))
                .collect();
            peer.start_fetches(session, turn);
            Ok(ids)
        })
    }

    fn may_wait(&self, session: SessionId, files: usize) -> Result<(), MisuseError> {
        let entry = self.sessions.get(&session).ok_or(MisuseError::NoSession)?;
        match entry.fetches.waiting().len() + files > self.config.limits.pending_requests {
            true => Err(MisuseError::TooManyRequests),
            false => Ok(()),
        }
    }

    fn enqueue_fetch(
        &mut self,
        session: SessionId,
        name: FileName,
        size: Size,
        stat: Stat,
        turn: &mut Turn<'_>,
    ) -> TransferId {
        let id = TransferId(self.new_id());
        let unusable = name.check_platform(self.config.platform).err();
        self.transfers.add_fetch(id, Fetch::new(session, name, size, stat));
        if let Some(entry) = self.sessions.get_mut(&session) {
            entry.fetches.push(id);
        }
        if let Some(error) = unusable {
            self.fetch_failed(id, Error::Name(error), turn);
        }
        id
    }

    /// Starts the fetches that wait, as far as the limits allow.
    pub(super) fn start_fetches(&mut self, session: SessionId, turn: &mut Turn<'_>) {
        loop {
            let Some(entry) = self.sessions.get(&session) else { return };
            let connection = entry.connection().filter(|_| entry.auth.is_established());
            let Some(provider) = connection.map(|connection| connection.peer) else { return };
            if entry.fetches.moving() >= self.config.limits.transfers {
                return;
            }
            self.gather(session);
            let Some(entry) = self.sessions.get_mut(&session) else { return };
            let Some(id) = entry.fetches.start() else { return };
            let Some(fetch) = self.transfers.fetch_mut(id) else { continue };
            fetch.provider = Some(provider);
            let resumes = entry.session.extensions().has(Extensions::RESUME);
            match (entry.auth.long_term_key(), fetch.size.exact()) {
                (Some(from), Some(size)) if resumes && fetch.batch.is_none() && !fetch.streamed => {
                    fetch.stage = FetchStage::Searching;
                    fetch.resume.search(turn.now);
                    let name = fetch.name.clone();
                    turn.act(Action::FindPartial { transfer: id, name, size, from });
                }
                _ => self.prepare_request(id, turn),
            }
            // A file that is requested of this peer is not requested of another that connects later.
            self.settle_on_peer(session, turn);
        }
    }

    pub(super) fn partial_found(
        &mut self,
        id: TransferId,
        found: Option<(u64, Digest)>,
        turn: &mut Turn<'_>,
    ) {
        let Some(fetch) = self.transfers.fetch_mut(id) else { return };
        if fetch.stage == FetchStage::Searching {
            fetch.resume.found(found, fetch.size.bytes(), turn.now);
            self.prepare_request(id, turn);
        }
    }

    /// Opens a listener for the file; or requests it at once, for the provider to listen. The side that
    /// was called chooses the latter: there, connections are known to get through (section 15).
    pub(super) fn prepare_request(&mut self, id: TransferId, turn: &mut Turn<'_>) {
        let Some(fetch) = self.transfers.fetch(id) else { return };
        let entry = self.sessions.get(&fetch.session);
        let by_link = self.uses_link(fetch.session);
        if by_link || entry.is_some_and(|entry| provider_listens(entry)) {
            return self.request(id, None, 0, turn);
        }
        let Some(connection) = entry.and_then(|entry| entry.connection()) else {
            return self.fetch_failed(id, Error::Closed(None), turn);
        };
        let (ip, path, link) = (connection.local, connection.path, connection.link());
        let listener = ListenerId(self.new_id());
        if let Some(fetch) = self.transfers.fetch_mut(id) {
            fetch.stage = FetchStage::Listening(listener);
            fetch.deadline = Some(turn.after(self.config.limits.accept_timeout));
        }
        self.listeners.insert(listener, ListenerRole::Data(id));
        turn.act(Action::Listen { listener, ip, path, purpose: Purpose::Data, link });
    }

    pub(super) fn fetch_listening(&mut self, id: TransferId, port: u16, turn: &mut Turn<'_>) {
        if let Some(fetch) = self.transfers.fetch(id)
            && let FetchStage::Listening(listener) = fetch.stage
        {
            self.request(id, Some(listener), port, turn);
        }
    }

    /// Sends X_REQUEST, X_RESUME or X_BATCH.
    fn request(
        &mut self,
        id: TransferId,
        listener: Option<ListenerId>,
        port: u16,
        turn: &mut Turn<'_>,
    ) {
        let Some(fetch) = self.transfers.fetch(id) else { return };
        let files = fetch.batch.as_ref().map(|batch| self.wanted_files(batch));
        if files.as_ref().is_some_and(Vec::is_empty) {
            // Each was cancelled meanwhile.
            return self.fetch_failed(id, Error::Cancelled, turn);
        }
        let Some(fetch) = self.transfers.fetch_mut(id) else { return };
        let Some(entry) = self.sessions.get_mut(&fetch.session) else { return };
        let mut out = Vec::new();
        let session = &mut entry.session;
        let sent = match (&files, fetch.resume.partial()) {
            (Some(files), _) => {
                let files = files.iter().map(|file| (file.name.borrowed(), file.size));
                session.batch(files, port, &mut out)
            }
            (None, Some(partial)) => {
                session.resume(fetch.name.borrowed(), fetch.size, port, partial, &mut out)
            }
            (None, None) => session.request(fetch.name.borrowed(), fetch.size, port, &mut out),
        };
        // It cannot be refused: a session that ends is taken out at once.
        debug_assert!(sent.is_ok());
        let number = sent.unwrap_or_default();
        fetch.request.sent(number, session.data_seal(session.side(), number));
        fetch.stage = FetchStage::Requested(listener);
        let wait = self.config.limits.accept_timeout.saturating_add(fetch.resume.extra_wait());
        fetch.deadline = Some(turn.after(wait));
        entry.heard = turn.now;
        entry.write(out, turn);
        if let Some(files) = files {
            self.members_requested(id, number, files);
        }
    }
}

fn provider_listens(entry: &SessionEntry) -> bool {
    let session = &entry.session;
    session.side() == Side::Callee && session.extensions().has(Extensions::PASSIVE)
}
