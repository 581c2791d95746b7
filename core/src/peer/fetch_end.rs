//! How a file that comes to this host ends (section 4).

use super::fetch::{Fetch, Stage};
use super::receipts::reason;
use super::{Action, Direction, Error, Event, Peer, ReceiveEnd, Transfer, TransferId, Turn};
use crate::FileName;
use crate::stream::Digests;

impl Peer {
    pub(super) fn receive_ended(
        &mut self,
        id: TransferId,
        bytes: u64,
        digests: Option<Digests>,
        end: ReceiveEnd,
        turn: &mut Turn<'_>,
    ) {
        let Some(Transfer::Fetch(fetch)) = self.transfers.get_mut(&id) else { return };
        let Stage::Receiving(conn) = fetch.stage else { return };
        fetch.bytes = bytes;
        let expected = fetch.size;
        if !fetch.members.is_empty() {
            let why = match end {
                ReceiveEnd::Broken(why) | ReceiveEnd::Disk { why, .. } => Some(why),
                ReceiveEnd::Eof | ReceiveEnd::Excess => None,
            };
            // Those that came are told; what is left did not.
            return self.fetch_failed(id, Error::Incomplete { expected, got: bytes, why }, turn);
        }
        let why = match end {
            ReceiveEnd::Eof if expected.exact().is_none_or(|size| size == bytes) => {
                if digests.is_some_and(|digests| !digests.agree()) {
                    return self.fetch_failed(id, Error::Altered, turn);
                }
                fetch.stage = Stage::Storing;
                fetch.deadline = None;
                self.conns.remove(&conn);
                return turn.act(Action::Store { transfer: id, stat: fetch.stat });
            }
            ReceiveEnd::Eof => None,
            ReceiveEnd::Broken(why) => Some(why),
            ReceiveEnd::Excess => {
                let error = Error::Excess { expected: expected.limit() };
                return self.fetch_failed(id, error, turn);
            }
            ReceiveEnd::Disk { reason, why } => {
                return self.fetch_failed(id, Error::NotStored { reason, why }, turn);
            }
        };
        self.fetch_failed(id, Error::Incomplete { expected, got: bytes, why }, turn);
    }

    pub(super) fn stored(&mut self, id: TransferId, name: FileName, turn: &mut Turn<'_>) {
        let Some(Transfer::Fetch(fetch)) = self.transfers.get(&id) else { return };
        let Stage::Storing = fetch.stage else { return };
        turn.notify(Event::Finished {
            transfer: id,
            session: fetch.session,
            direction: Direction::Receive,
            name,
            bytes: fetch.bytes,
        });
        if let Some(Transfer::Fetch(fetch)) = self.transfers.remove(&id) {
            self.report(&fetch, None, turn);
            self.fetch_over(&fetch, turn);
        }
    }

    pub(super) fn fetch_failed(&mut self, id: TransferId, error: Error, turn: &mut Turn<'_>) {
        let Some(Transfer::Fetch(mut fetch)) = self.transfers.remove(&id) else { return };
        match fetch.stage {
            Stage::Waiting => {
                if let Some(slot) = self.sessions.get_mut(&fetch.session) {
                    slot.fetches.retain(|waiting| *waiting != id);
                }
            }
            Stage::Listening(listener) | Stage::Requested(Some(listener)) => {
                if self.listeners.remove(&listener).is_some() {
                    turn.act(Action::StopListening { listener });
                }
            }
            Stage::Receiving(conn) | Stage::Dialling(conn) => {
                self.conns.remove(&conn);
                turn.act(Action::Close { conn });
            }
            Stage::Looking | Stage::Requested(None) | Stage::Storing => {}
        }
        let has_partial = fetch.looked && !matches!(fetch.stage, Stage::Storing);
        if has_partial || fetch.is_moving() && fetch.members.is_empty() {
            turn.act(Action::Abandon { transfer: id });
        }
        if fetch.members.is_empty() {
            let why = reason(&error, fetch.stage);
            if matches!(fetch.stage, Stage::Waiting | Stage::Looking | Stage::Listening(_)) {
                // A session that is over takes no reports.
                let _ = self.skip(fetch.session, &fetch.name, why, turn.now, turn.actions);
            }
            self.report(&fetch, Some(why), turn);
            turn.notify(Event::Failed {
                transfer: id,
                session: fetch.session,
                direction: Direction::Receive,
                name: fetch.name.clone(),
                error,
            });
        } else {
            self.members_failed(&fetch, &error, turn);
        }
        let last = fetch.last.take();
        if !matches!(fetch.stage, Stage::Waiting) {
            self.fetch_over(&fetch, turn);
        }
        if let Some(last) = last {
            turn.notify(last);
        }
    }

    fn fetch_over(&mut self, fetch: &Fetch, turn: &mut Turn<'_>) {
        if let Some(slot) = self.sessions.get_mut(&fetch.session) {
            slot.fetching = slot.fetching.saturating_sub(1);
            slot.heard = turn.now;
            let came = matches!(fetch.stage, Stage::Receiving(_) | Stage::Storing);
            match fetch.requested {
                true if came => slot.session.settle(fetch.name.as_str()),
                true => slot.session.give_up(fetch.name.as_str()),
                false => {}
            }
            self.start_fetches(fetch.session, turn);
        }
    }
}
