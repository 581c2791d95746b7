//! The progress of transfers, and what is late.

use core::time::Duration;

use super::link_state::Link;
use super::session_entry::SessionEntry;
use super::transfers::{SLOW_AFTER, Transfer, stall_deadline};
use super::{Direction, Error, Event, Peer, SessionId, TransferId, Turn, Wait};

impl Peer {
    /// Returns the time to call [`handle`](Self::handle) with [`Input::Tick`](super::Input::Tick), if nothing else
    /// happens before.
    pub fn next_deadline(&self) -> Option<Duration> {
        let limits = &self.config.limits;
        let sessions = self.sessions.values();
        let paths = sessions.clone().filter_map(|entry| entry.next_path_at());
        let sessions = sessions.filter_map(|entry| entry.deadline(limits)).chain(paths);
        let next_relay = self.next_relay.as_ref().and_then(|next| next.deadline(limits));
        let relay = self.relay.deadline(limits).into_iter().chain(next_relay);
        let links = self.links.values().filter_map(Link::deadline);
        sessions.chain(self.transfers.deadline()).chain(relay).chain(links).min()
    }

    pub(super) fn progress(&mut self, id: TransferId, bytes: u64, turn: &mut Turn<'_>) {
        let until = turn.after(self.config.limits.stall_timeout);
        let (session, direction) = if let Some(fetch) = self.transfers.fetch_mut(id) {
            if !fetch.is_moving() {
                return;
            }
            fetch.bytes = bytes;
            let has_session = self.sessions.contains_key(&fetch.session);
            fetch.deadline = stall_deadline(fetch.size, has_session, until);
            if fetch.batch.is_some() {
                // Its files are reported one by one.
                return;
            }
            (fetch.session, Direction::Receive)
        } else if let Some(serve) = self.transfers.serve_mut(id) {
            if serve.is_too_slow(bytes, self.config.limits.min_rate, turn.now) {
                let (waited_for, after) = (Wait::LeastRate, SLOW_AFTER);
                let error = Error::TimedOut { waited_for, after };
                return self.serve_failed(id, error, turn);
            }
            if !serve.is_moving() {
                return;
            }
            let session = serve.session;
            let mut entry = self.sessions.get_mut(&session);
            serve.deadline = stall_deadline(serve.size, entry.is_some(), until);
            if serve.size.is_unknown() {
                // Only its bytes tell the size of piped input.
                match (serve.unreported.first_mut(), &mut entry) {
                    (Some((_, size)), _) => *size = bytes,
                    (None, Some(entry)) => entry.receipts.moved(serve.number, bytes),
                    (None, None) => {}
                }
            }
            (session, Direction::Send)
        } else {
            return;
        };
        self.judge_link(session, id, bytes, turn);
        turn.notify(Event::Progress { transfer: id, session, direction, bytes });
    }

    /// This host's own reader is slow: the provider is not late.
    pub(super) fn backpressure(&mut self, id: TransferId, turn: &Turn<'_>) {
        if let Some(fetch) = self.transfers.fetch_mut(id)
            && fetch.is_moving()
            && let Some(deadline) = &mut fetch.deadline
        {
            *deadline = turn.after(self.config.limits.stall_timeout);
            fetch.pace.restart();
        }
    }

    /// The reader of a list is slow: the peer is not late.
    pub(super) fn list_backpressure(&mut self, id: SessionId, turn: &Turn<'_>) {
        if let Some(entry) = self.sessions.get_mut(&id) {
            entry.heard = turn.now;
        }
    }

    /// Ends or retries what is late.
    pub(super) fn pass_deadlines(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        self.pass_relay_deadline(turn);
        self.pass_move_deadline(turn);
        self.pass_link_deadlines(turn);
        self.try_next_paths(turn);
        let limits = &self.config.limits;
        let is_late = |entry: &SessionEntry| entry.deadline(limits).is_some_and(|at| at <= now);
        let sessions = self.sessions.iter().filter(|(_, entry)| is_late(entry));
        for session in sessions.map(|(id, _)| *id).collect::<alloc::vec::Vec<_>>() {
            self.session_timed_out(session, turn);
        }
        let is_late = |transfer: &Transfer| transfer.deadline().is_some_and(|at| at <= now);
        let transfers = self.transfers.iter().filter(|(_, transfer)| is_late(transfer));
        for id in transfers.map(|(id, _)| id).collect::<alloc::vec::Vec<_>>() {
            if let Some(transfer) = self.transfers.get(id) {
                let error = transfer.timed_out(&self.config.limits);
                self.transfer_failed(id, error, turn);
            }
        }
    }
}
