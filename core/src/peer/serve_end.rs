//! The ends of the files that the peer requested (section 4).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::session_entry::SessionEntry;
use super::transfers::{Serve, ServeStage};
use super::{Action, Delivery, Direction, Error, Event, Peer, SessionId, TransferId, Turn};

impl Peer {
    pub(super) fn send_ended(
        &mut self,
        id: TransferId,
        bytes: u64,
        unsent: Vec<(usize, Box<str>)>,
        why: Option<Box<str>>,
        turn: &mut Turn<'_>,
    ) {
        if !self.transfers.serve(id).is_some_and(Serve::is_moving) {
            return;
        }
        self.not_sent(id, &unsent, turn);
        if let Some(why) = why {
            return self.serve_failed(id, Error::Unsent(why), turn);
        }
        let Some(mut serve) = self.take_serve(id) else { return };
        turn.notify(Event::Finished {
            transfer: id,
            session: serve.session,
            direction: Direction::Send,
            name: serve.name.clone(),
            bytes,
        });
        let fate = if serve.reported { Delivery::Unconfirmed } else { Delivery::HandedOver };
        settle_unreported(&mut serve, id, &fate, turn);
        self.serve_over(&serve, turn);
    }

    /// Reports the files of a batch, by their indices in it, that could not be sent.
    fn not_sent(&mut self, id: TransferId, unsent: &[(usize, Box<str>)], turn: &mut Turn<'_>) {
        let Some(serve) = self.transfers.serve_mut(id) else { return };
        let session = serve.session;
        if !serve.unreported.is_empty() {
            // From the last one back, so that the indices of the others stay true.
            for (at, why) in unsent.iter().rev() {
                if *at >= serve.unreported.len() {
                    continue;
                }
                let file = serve.unreported.remove(*at);
                let fate = Delivery::Unsent(Error::Unsent(why.clone()));
                turn.deliver(session, [(id, file, fate)]);
            }
        } else if let Some(entry) = self.sessions.get_mut(&session) {
            for (at, why) in unsent {
                let error = Error::Unsent(why.clone());
                turn.deliver(session, entry.receipts.unsent(serve.number, *at as u64, error));
            }
        }
    }

    pub(super) fn serve_failed(&mut self, id: TransferId, error: Error, turn: &mut Turn<'_>) {
        let Some(mut serve) = self.take_serve(id) else { return };
        if let Some(conn) = serve.conn() {
            turn.act(Action::Close { conn });
        }
        if let Some(listener) = serve.listener() {
            self.listeners.remove(&listener);
            turn.act(Action::StopListening { listener });
        }
        if serve.stage == ServeStage::Opening {
            turn.act(Action::Abandon { transfer: id });
        }
        let entry = self.sessions.get_mut(&serve.session);
        if serve.is_moving() {
            // The end of its stream says the rest.
            if let Some(entry) = entry {
                entry.receipts.failed(serve.number, error.clone());
            }
        } else {
            if let Some(entry) = entry {
                entry.serves.withdraw(id);
            }
            serve.unreported = serve.all_files();
            if serve.size.is_unknown() {
                self.spent.retain(|spent| *spent != serve.name);
            }
            self.refuse_serve(&serve, turn);
        }
        turn.notify(Event::Failed {
            transfer: id,
            session: serve.session,
            direction: Direction::Send,
            name: serve.name.clone(),
            error: error.clone(),
        });
        settle_unreported(&mut serve, id, &Delivery::Unsent(error), turn);
        self.serve_over(&serve, turn);
    }

    pub(super) fn refuse_serve(&mut self, serve: &Serve, turn: &mut Turn<'_>) {
        if let Some(entry) = self.sessions.get_mut(&serve.session) {
            let mut out = Vec::new();
            entry.session.refuse_request(serve.number, &serve.name, &mut out);
            entry.write(out, turn);
        }
    }

    /// Takes a file out, and frees its connection and its place.
    pub(super) fn take_serve(&mut self, id: TransferId) -> Option<Box<Serve>> {
        let mut serve = self.transfers.take_serve(id)?;
        if let Some(conn) = serve.conn() {
            self.conns.remove(&conn);
        }
        if let Some(requester) = serve.requester.take() {
            self.sending.give_back(requester);
        }
        Some(serve)
    }

    /// Starts what waited for a file that is taken out.
    pub(super) fn serve_over(&mut self, serve: &Serve, turn: &mut Turn<'_>) {
        if !serve.is_running() {
            return;
        }
        if let Some(entry) = self.sessions.get_mut(&serve.session) {
            entry.serves.ended();
            entry.heard = turn.now;
            self.start_serves(serve.session, turn);
            self.pump(serve.session, turn);
        }
        if core::mem::take(&mut self.is_crowded) {
            let waits = |entry: &SessionEntry| !entry.serves.waiting().is_empty();
            let waiting = self.sessions.iter().filter(|(_, entry)| waits(entry));
            for session in waiting.map(|(id, _)| *id).collect::<Vec<_>>() {
                self.start_serves(session, turn);
            }
        }
    }

    /// The session has ended: fails what waits and what is being compared with the requester's part.
    /// A file that is moving, or about to, continues.
    pub(super) fn orphan_serves(
        &mut self,
        session: SessionId,
        entry: &mut SessionEntry,
        turn: &mut Turn<'_>,
    ) {
        let mut unsent = entry.serves.take_waiting();
        let compares = |serve: &Serve| {
            serve.session == session && serve.stage == ServeStage::Opening && serve.has.is_some()
        };
        let serves = self.transfers.serves();
        unsent.extend(serves.filter(|(_, serve)| compares(serve)).map(|(id, _)| id));
        for id in unsent {
            self.serve_failed(id, Error::Closed(None), turn);
        }
        let stall = turn.after(self.config.limits.stall_timeout);
        for serve in self.transfers.serves_mut() {
            if serve.session == session && serve.is_moving() {
                serve.deadline.get_or_insert(stall);
            }
        }
    }
}

/// Reports one fate of all files of which the session awaits no receipt.
fn settle_unreported(serve: &mut Serve, id: TransferId, fate: &Delivery, turn: &mut Turn<'_>) {
    let files = core::mem::take(&mut serve.unreported).into_iter();
    turn.deliver(serve.session, files.map(|file| (id, file, fate.clone())));
}
