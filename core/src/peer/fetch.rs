//! Files that come to this host (section 4): the requester's side.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::slot::{Slot, Stage as SessionStage};
use super::{
    Action, Awaited, ConnId, Direction, Event, Fault, ListenerId, Peer, Purpose, ReceiveEnd,
    SessionId, Transfer, TransferId, Turn, Use,
};
use crate::stream::{Seal, Sums};
use crate::{FileName, Limits, MisuseError, Size};

/// How long a file may still begin to come once its session is gone.
const AFTER_THE_END: Duration = Duration::from_secs(5);

/// A file that was asked for.
pub(super) struct Fetch {
    session: SessionId,
    name: FileName,
    size: Size,
    stage: Stage,
    /// The other end of the control connection: the only one that may bring the file.
    peer: Option<IpAddr>,
    /// X_REQUEST was sent, and a NO can still answer it.
    requested: bool,
    /// How its bytes will come.
    seal: Option<Seal>,
    pub(super) bytes: u64,
    pub(super) deadline: Option<Duration>,
}

#[derive(Clone, Copy)]
enum Stage {
    /// For its turn.
    Waiting,
    /// A listener was asked for.
    Listening(ListenerId),
    /// X_REQUEST was sent.
    Requested(ListenerId),
    Receiving(ConnId),
    Storing,
}

impl Fetch {
    pub(super) fn is_moving(&self) -> bool {
        matches!(self.stage, Stage::Receiving(_))
    }

    pub(super) fn timed_out(&self, limits: &Limits) -> Fault {
        match self.stage {
            Stage::Receiving(_) => Fault::Incomplete {
                expected: self.size,
                got: self.bytes,
                why: Some("no byte came for too long".into()),
            },
            _ => Fault::TimedOut { waited_for: "a data connection", after: limits.accept },
        }
    }
}

impl Peer {
    /// Requests a file of the size that the other side listed. [`Event::Started`] and
    /// [`Event::Finished`] follow, or [`Event::Failed`]. As many files as the limits allow come at
    /// once; more wait.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoSession`], [`MisuseError::TooManyWaiting`].
    pub fn get(
        &mut self,
        session: SessionId,
        name: FileName,
        size: Size,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<TransferId, MisuseError> {
        let turn = &mut Turn { now, actions };
        let id = TransferId(self.new_id());
        let slot = self.sessions.get_mut(&session).ok_or(MisuseError::NoSession)?;
        if slot.fetches.len() >= self.config.limits.waiting {
            return Err(MisuseError::TooManyWaiting);
        }
        slot.fetches.push(id);
        let unusable = name.usable_on(self.config.platform).err();
        let fetch = Box::new(Fetch {
            session,
            name,
            size,
            stage: Stage::Waiting,
            peer: None,
            requested: false,
            seal: None,
            bytes: 0,
            deadline: None,
        });
        self.transfers.insert(id, Transfer::Fetch(fetch));
        match unusable {
            Some(fault) => self.fetch_failed(id, Fault::Name(fault), turn),
            None => self.start_fetches(session, turn),
        }
        Ok(id)
    }

    /// Begins what waits, as far as the limits allow.
    pub(super) fn start_fetches(&mut self, session: SessionId, turn: &mut Turn<'_>) {
        loop {
            let Some(slot) = self.sessions.get_mut(&session) else { return };
            let (SessionStage::Live { .. }, Some((local, peer)), true) =
                (slot.stage, slot.ends, slot.agreed)
            else {
                return;
            };
            if slot.fetching >= self.config.limits.transfers {
                return;
            }
            let Some(&id) = slot.fetches.first() else { return };
            slot.fetches.remove(0);
            slot.fetching += 1;
            let listener = ListenerId(self.new_id());
            if let Some(Transfer::Fetch(fetch)) = self.transfers.get_mut(&id) {
                fetch.stage = Stage::Listening(listener);
                fetch.peer = Some(peer);
                fetch.deadline = Some(turn.after(self.config.limits.accept));
            }
            self.listeners.insert(listener, Awaited::Data(id));
            turn.act(Action::Listen { listener, ip: local, purpose: Purpose::Data });
            // What is requested of this host is not requested of another that may come by.
            self.settle_on_peer(session, turn);
        }
    }

    pub(super) fn data_listening(&mut self, id: TransferId, port: u16, turn: &mut Turn<'_>) {
        let Some(Transfer::Fetch(fetch)) = self.transfers.get_mut(&id) else { return };
        let Stage::Listening(listener) = fetch.stage else { return };
        let Some(slot) = self.sessions.get_mut(&fetch.session) else { return };
        let mut out = Vec::new();
        // It cannot be refused: a session that ends is taken out at once.
        let sent = slot.session.request(fetch.name.borrowed(), fetch.size, port, &mut out);
        debug_assert!(sent.is_ok());
        let side = slot.session.side();
        fetch.seal = sent.ok().and_then(|number| slot.session.seal_of(side, number));
        fetch.stage = Stage::Requested(listener);
        fetch.requested = true;
        fetch.deadline = Some(turn.after(self.config.limits.accept));
        slot.heard = turn.now;
        slot.write(out, turn);
    }

    pub(super) fn data_accepted(
        &mut self,
        id: TransferId,
        conn: ConnId,
        remote: SocketAddr,
        turn: &mut Turn<'_>,
    ) {
        let Some(Transfer::Fetch(fetch)) = self.transfers.get_mut(&id) else {
            return turn.act(Action::Close { conn });
        };
        let Stage::Requested(listener) = fetch.stage else {
            return turn.act(Action::Close { conn });
        };
        let session = fetch.session;
        let from = remote.ip().to_canonical();
        if let Some(peer) = fetch.peer.filter(|peer| *peer != from) {
            turn.act(Action::Close { conn });
            return turn.notice(
                Some(session),
                format_args!("expected the data connection from {peer}, got one from {from}"),
            );
        }
        fetch.stage = Stage::Receiving(conn);
        fetch.deadline = Some(turn.after(self.config.limits.stall));
        let (name, size, seal) = (fetch.name.clone(), fetch.size, fetch.seal.take());
        self.listeners.remove(&listener);
        self.conns.insert(conn, Use::Data(id));
        turn.act(Action::StopListening { listener });
        turn.act(Action::Receive { transfer: id, conn, name: name.clone(), size, seal });
        let direction = Direction::Receive;
        turn.tell(Event::Started { transfer: id, session, direction, name, size });
    }

    pub(super) fn receive_ended(
        &mut self,
        id: TransferId,
        bytes: u64,
        sums: Option<Sums>,
        end: ReceiveEnd,
        turn: &mut Turn<'_>,
    ) {
        let Some(Transfer::Fetch(fetch)) = self.transfers.get_mut(&id) else { return };
        let Stage::Receiving(conn) = fetch.stage else { return };
        fetch.bytes = bytes;
        let expected = fetch.size;
        let why = match end {
            ReceiveEnd::Eof if sums.is_some_and(|sums| !sums.agree()) => {
                return self.fetch_failed(id, Fault::Altered, turn);
            }
            ReceiveEnd::Eof if expected.exact().is_none_or(|size| size == bytes) => {
                fetch.stage = Stage::Storing;
                fetch.deadline = None;
                self.conns.remove(&conn);
                return turn.act(Action::Store { transfer: id });
            }
            ReceiveEnd::Eof => None,
            ReceiveEnd::Broken(why) => Some(why),
            ReceiveEnd::Excess => {
                let fault = Fault::Excess { expected: expected.limit() };
                return self.fetch_failed(id, fault, turn);
            }
            ReceiveEnd::Disk(why) => return self.fetch_failed(id, Fault::Local(why), turn),
        };
        self.fetch_failed(id, Fault::Incomplete { expected, got: bytes, why }, turn);
    }

    pub(super) fn stored(&mut self, id: TransferId, name: FileName, turn: &mut Turn<'_>) {
        let Some(Transfer::Fetch(fetch)) = self.transfers.get(&id) else { return };
        let Stage::Storing = fetch.stage else { return };
        turn.tell(Event::Finished { transfer: id, name, bytes: fetch.bytes });
        if let Some(Transfer::Fetch(fetch)) = self.transfers.remove(&id) {
            self.fetch_over(&fetch, turn);
        }
    }

    pub(super) fn request_refused(&mut self, session: SessionId, name: &str, turn: &mut Turn<'_>) {
        let refused = self.transfers.iter_mut().find_map(|(id, transfer)| match transfer {
            Transfer::Fetch(fetch)
                if fetch.session == session && fetch.requested && fetch.name.as_str() == name =>
            {
                fetch.requested = false;
                Some((*id, fetch.is_moving()))
            }
            _ => None,
        });
        // Of a file that is on its way, the end of its stream tells more than the NO.
        if let Some((id, false)) = refused {
            self.fetch_failed(id, Fault::Refused, turn);
        }
    }

    pub(super) fn fetch_failed(&mut self, id: TransferId, fault: Fault, turn: &mut Turn<'_>) {
        let Some(Transfer::Fetch(fetch)) = self.transfers.remove(&id) else { return };
        match fetch.stage {
            Stage::Waiting => {
                if let Some(slot) = self.sessions.get_mut(&fetch.session) {
                    slot.fetches.retain(|waiting| *waiting != id);
                }
            }
            Stage::Listening(listener) | Stage::Requested(listener) => {
                if self.listeners.remove(&listener).is_some() {
                    turn.act(Action::StopListening { listener });
                }
            }
            Stage::Receiving(conn) => {
                self.conns.remove(&conn);
                turn.act(Action::Close { conn });
                turn.act(Action::Abandon { transfer: id });
            }
            Stage::Storing => {}
        }
        turn.tell(Event::Failed { transfer: id, name: fetch.name.clone(), fault });
        if !matches!(fetch.stage, Stage::Waiting) {
            self.fetch_over(&fetch, turn);
        }
    }

    fn fetch_over(&mut self, fetch: &Fetch, turn: &mut Turn<'_>) {
        if let Some(slot) = self.sessions.get_mut(&fetch.session) {
            slot.fetching = slot.fetching.saturating_sub(1);
            slot.heard = turn.now;
            if fetch.requested {
                slot.session.settle(fetch.name.as_str());
            }
            self.start_fetches(fetch.session, turn);
        }
    }

    /// The session is gone: what waits will not be asked for, what was asked for must come soon.
    pub(super) fn orphan_fetches(
        &mut self,
        session: SessionId,
        slot: &mut Slot,
        fate: &Fault,
        turn: &mut Turn<'_>,
    ) {
        for id in core::mem::take(&mut slot.fetches) {
            self.fetch_failed(id, fate.clone(), turn);
        }
        let mut unasked = Vec::new();
        for (id, transfer) in self.transfers.iter_mut() {
            if let Transfer::Fetch(fetch) = transfer
                && fetch.session == session
            {
                match fetch.stage {
                    Stage::Listening(_) => unasked.push(*id),
                    Stage::Requested(_) => {
                        let soon = turn.after(AFTER_THE_END);
                        fetch.deadline = Some(fetch.deadline.map_or(soon, |at| at.min(soon)));
                    }
                    _ => {}
                }
            }
        }
        for id in unasked {
            self.fetch_failed(id, fate.clone(), turn);
        }
    }
}
