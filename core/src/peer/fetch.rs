//! Files that come to this host (section 4): the requester's side.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::provide::may_stand_still;
use super::session_entry::{Slot, Stage as SessionStage};
use super::{
    Action, Awaited, BatchFile, ConnId, Direction, Error, Event, ListenerId, Peer, Purpose,
    SessionId, Transfer, TransferId, Turn, Use,
};
use crate::secure::Side;
use crate::session::Extensions;
use crate::stream::{Digest, Seal};
use crate::{FileName, Limits, MisuseError, Size, Stat};

/// How long a file may still begin to come once its session is gone.
const AFTER_THE_END: Duration = Duration::from_secs(5);
/// A provider may be so much slower to read what is here already.
const SLOWER: u32 = 4;

/// A file that was asked for.
pub(super) struct Fetch {
    pub(super) session: SessionId,
    pub(super) name: FileName,
    pub(super) size: Size,
    /// What else it is to have.
    pub(super) stat: Stat,
    pub(super) stage: Stage,
    /// The other end of the control connection: the only one that may bring the file.
    pub(super) peer: Option<IpAddr>,
    /// X_REQUEST was sent, and a NO can still answer it.
    pub(super) requested: bool,
    /// The provider waits to hear what became of it: it was requested, and not refused.
    pub(super) reports: bool,
    /// The number of that request.
    pub(super) number: u64,
    /// How its bytes will come.
    pub(super) seal: Option<Seal>,
    /// The driver passes its bytes on as they arrive.
    pub(super) streamed: bool,
    /// The files that it brings, where it is a batch, and which of them were asked for.
    pub(super) members: Vec<TransferId>,
    pub(super) batch: Vec<BatchFile>,
    /// How its last file ended, which is told when it is over.
    pub(super) last: Option<Event>,
    /// The driver was asked for what an earlier try left, and keeps it.
    pub(super) looked: bool,
    /// What an earlier try left.
    pub(super) has: Option<(u64, Digest)>,
    /// When that was looked for, and how long it took.
    since: Duration,
    took: Duration,
    pub(super) bytes: u64,
    pub(super) deadline: Option<Duration>,
}

#[derive(Clone, Copy)]
pub(super) enum Stage {
    /// For its turn.
    Waiting,
    /// For what an earlier try left.
    Looking,
    /// A listener was asked for.
    Listening(ListenerId),
    /// X_REQUEST was sent; with a listener, or for the provider to listen (section 15).
    Requested(Option<ListenerId>),
    /// To where the provider listens.
    Dialling(ConnId),
    Receiving(ConnId),
    Storing,
}

impl Fetch {
    pub(super) fn new(session: SessionId, name: FileName, size: Size, now: Duration) -> Self {
        Self {
            session,
            name,
            size,
            stat: Stat::default(),
            stage: Stage::Waiting,
            peer: None,
            requested: false,
            reports: false,
            number: 0,
            seal: None,
            streamed: false,
            members: Vec::new(),
            batch: Vec::new(),
            last: None,
            looked: false,
            has: None,
            since: now,
            took: Duration::ZERO,
            bytes: 0,
            deadline: None,
        }
    }

    pub(super) fn is_moving(&self) -> bool {
        matches!(self.stage, Stage::Receiving(_))
    }

    pub(super) fn timed_out(&self, limits: &Limits) -> Error {
        match self.stage {
            Stage::Receiving(_) => Error::Incomplete {
                expected: self.size,
                got: self.bytes,
                why: Some("no byte came for too long".into()),
            },
            _ => Error::TimedOut { waited_for: "a data connection", after: limits.accept_timeout },
        }
    }
}

impl Peer {
    /// Requests a file, as the other side listed or offered it. [`Event::Started`] and
    /// [`Event::Finished`] follow, or [`Event::Failed`]. As many files as the limits allow come at
    /// once; more wait.
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
        let turn = &mut Turn { now, actions };
        let slot = self.sessions.get(&session).ok_or(MisuseError::NoSession)?;
        if slot.fetches.len() >= self.config.limits.pending_requests {
            return Err(MisuseError::TooManyRequests);
        }
        let id = self.wait_for(session, name, size, stat, turn);
        self.start_fetches(session, turn);
        Ok(id)
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
        let turn = &mut Turn { now, actions };
        let slot = self.sessions.get(&session).ok_or(MisuseError::NoSession)?;
        if slot.fetches.len() >= self.config.limits.pending_requests {
            return Err(MisuseError::TooManyRequests);
        }
        let id = self.wait_for(session, name, size, Stat::default(), turn);
        if let Some(Transfer::Fetch(fetch)) = self.transfers.get_mut(&id) {
            fetch.streamed = true;
        }
        self.start_fetches(session, turn);
        Ok(id)
    }

    /// Has a file wait for its turn.
    pub(super) fn wait_for(
        &mut self,
        session: SessionId,
        name: FileName,
        size: Size,
        stat: Stat,
        turn: &mut Turn<'_>,
    ) -> TransferId {
        let id = TransferId(self.new_id());
        let unusable = name.check_platform(self.config.platform).err();
        let mut fetch = Fetch::new(session, name, size, turn.now);
        fetch.stat = stat;
        self.transfers.insert(id, Transfer::Fetch(Box::new(fetch)));
        if let Some(slot) = self.sessions.get_mut(&session) {
            slot.fetches.push(id);
        }
        if let Some(error) = unusable {
            self.fetch_failed(id, Error::Name(error), turn);
        }
        id
    }

    /// Begins what waits, as far as the limits allow.
    pub(super) fn start_fetches(&mut self, session: SessionId, turn: &mut Turn<'_>) {
        loop {
            let Some(slot) = self.sessions.get_mut(&session) else { return };
            let (SessionStage::Live { .. }, Some((_, peer)), true) =
                (slot.stage, slot.ends, slot.agreed)
            else {
                return;
            };
            if slot.fetching >= self.config.limits.transfers {
                return;
            }
            self.gather(session, turn.now);
            let Some(slot) = self.sessions.get_mut(&session) else { return };
            let Some(&id) = slot.fetches.first() else { return };
            slot.fetches.remove(0);
            slot.fetching += 1;
            let resumes = slot.session.extensions().has(Extensions::RESUME);
            let Some(Transfer::Fetch(fetch)) = self.transfers.get_mut(&id) else { continue };
            fetch.peer = Some(peer);
            fetch.since = turn.now;
            match (slot.own_key.or(slot.key), fetch.size.exact()) {
                (Some(from), Some(size))
                    if resumes && fetch.members.is_empty() && !fetch.streamed =>
                {
                    fetch.stage = Stage::Looking;
                    fetch.looked = true;
                    let name = fetch.name.clone();
                    turn.act(Action::FindPartial { transfer: id, name, size, from });
                }
                _ => self.ask_for(id, turn),
            }
            // What is requested of this host is not requested of another that may come by.
            self.settle_on_peer(session, turn);
        }
    }

    pub(super) fn partial_found(
        &mut self,
        id: TransferId,
        has: Option<(u64, Digest)>,
        turn: &mut Turn<'_>,
    ) {
        let Some(Transfer::Fetch(fetch)) = self.transfers.get_mut(&id) else { return };
        let Stage::Looking = fetch.stage else { return };
        fetch.took = turn.now.saturating_sub(fetch.since);
        fetch.has = has.filter(|(bytes, _)| *bytes > 0 && *bytes <= fetch.size.bytes());
        self.ask_for(id, turn);
    }

    /// Has the file sent: to a port of this host, or, by whom this host called back, from one of
    /// theirs, which is where connections are known to get through (section 15).
    fn ask_for(&mut self, id: TransferId, turn: &mut Turn<'_>) {
        let Some(Transfer::Fetch(fetch)) = self.transfers.get_mut(&id) else { return };
        let ends = self.sessions.get(&fetch.session).map(|slot| {
            let passive = slot.session.extensions().has(Extensions::PASSIVE);
            (slot.ends, slot.path, passive && slot.session.side() == Side::Callee)
        });
        match ends {
            Some((_, _, true)) => self.request(id, None, 0, turn),
            Some((Some((ip, _)), path, false)) => {
                let listener = ListenerId(self.new_id());
                if let Some(Transfer::Fetch(fetch)) = self.transfers.get_mut(&id) {
                    fetch.stage = Stage::Listening(listener);
                    fetch.deadline = Some(turn.after(self.config.limits.accept_timeout));
                }
                self.listeners.insert(listener, Awaited::Data(id));
                turn.act(Action::Listen { listener, ip, path, purpose: Purpose::Data });
            }
            Some((None, _, false)) | None => self.fetch_failed(id, Error::Closed(None), turn),
        }
    }

    pub(super) fn fetch_listening(&mut self, id: TransferId, port: u16, turn: &mut Turn<'_>) {
        let Some(Transfer::Fetch(fetch)) = self.transfers.get(&id) else { return };
        let Stage::Listening(listener) = fetch.stage else { return };
        self.request(id, Some(listener), port, turn);
    }

    fn request(
        &mut self,
        id: TransferId,
        listener: Option<ListenerId>,
        port: u16,
        turn: &mut Turn<'_>,
    ) {
        let Some(Transfer::Fetch(fetch)) = self.transfers.get(&id) else { return };
        let batch = self.members(&fetch.members);
        if batch.is_empty() && !fetch.members.is_empty() {
            // Each was given up meanwhile.
            return self.fetch_failed(id, Error::Cancelled, turn);
        }
        let Some(Transfer::Fetch(fetch)) = self.transfers.get_mut(&id) else { return };
        let Some(slot) = self.sessions.get_mut(&fetch.session) else { return };
        let mut out = Vec::new();
        let (name, session) = (fetch.name.borrowed(), &mut slot.session);
        let sent = match fetch.has {
            _ if !batch.is_empty() => {
                let files = batch.iter().map(|file| (file.name.borrowed(), file.size));
                session.batch(files, port, &mut out)
            }
            Some(has) => session.resume(name, fetch.size, port, has, &mut out),
            None => session.request(name, fetch.size, port, &mut out),
        };
        // It cannot be refused: a session that ends is taken out at once.
        debug_assert!(sent.is_ok());
        fetch.number = sent.unwrap_or_default();
        fetch.seal = session.data_seal(session.side(), fetch.number);
        if let Some(first) = batch.first() {
            // What a NO names, of those that are left.
            fetch.name = first.name.clone();
        }
        let number = fetch.number;
        fetch.stage = Stage::Requested(listener);
        fetch.requested = true;
        fetch.reports = true;
        let wait = fetch.has.map_or(Duration::ZERO, |_| fetch.took.saturating_mul(SLOWER));
        fetch.deadline = Some(turn.after(self.config.limits.accept_timeout.saturating_add(wait)));
        slot.heard = turn.now;
        slot.write(out, turn);
        self.members_requested(number, &batch);
        if let Some(Transfer::Fetch(fetch)) = self.transfers.get_mut(&id) {
            fetch.batch = batch;
        }
    }

    /// Where the provider listens.
    pub(super) fn port_came(
        &mut self,
        session: SessionId,
        number: u64,
        port: u16,
        turn: &mut Turn<'_>,
    ) {
        let found = self.transfers.iter().find_map(|(id, transfer)| match transfer {
            Transfer::Fetch(fetch) if fetch.session == session && fetch.number == number => {
                match (fetch.stage, fetch.peer) {
                    (Stage::Requested(None), Some(peer)) => Some((*id, peer)),
                    _ => None,
                }
            }
            _ => None,
        });
        // Given up meanwhile, or never asked for.
        let Some((id, peer)) = found else { return };
        if let Err(error) = crate::addr::check_dial_port(port) {
            return self.fetch_failed(id, Error::Policy(error), turn);
        }
        let Some(path) = self.sessions.get(&session).map(|slot| slot.path) else { return };
        let conn = self.new_conn();
        if let Some(Transfer::Fetch(fetch)) = self.transfers.get_mut(&id) {
            fetch.stage = Stage::Dialling(conn);
            fetch.deadline = Some(turn.after(self.config.limits.accept_timeout));
        }
        self.conns.insert(conn, Use::Data(id));
        let to = SocketAddr::new(peer, port);
        turn.act(Action::Dial { conn, to, path, purpose: Purpose::Data });
    }

    pub(super) fn fetch_accepted(
        &mut self,
        id: TransferId,
        conn: ConnId,
        remote: SocketAddr,
        turn: &mut Turn<'_>,
    ) {
        let Some(Transfer::Fetch(fetch)) = self.transfers.get_mut(&id) else { return };
        let Stage::Requested(Some(listener)) = fetch.stage else {
            return turn.act(Action::Close { conn });
        };
        let (session, peer) = (fetch.session, fetch.peer);
        if !self.is_from(peer, conn, remote, session, turn) {
            return;
        }
        self.listeners.remove(&listener);
        turn.act(Action::StopListening { listener });
        self.conns.insert(conn, Use::Data(id));
        self.begin_receiving(id, conn, turn);
    }

    pub(super) fn fetch_dialled(&mut self, id: TransferId, turn: &mut Turn<'_>) {
        if let Some(Transfer::Fetch(fetch)) = self.transfers.get(&id)
            && let Stage::Dialling(conn) = fetch.stage
        {
            self.begin_receiving(id, conn, turn);
        }
    }

    fn begin_receiving(&mut self, id: TransferId, conn: ConnId, turn: &mut Turn<'_>) {
        let Some(Transfer::Fetch(fetch)) = self.transfers.get_mut(&id) else { return };
        fetch.stage = Stage::Receiving(conn);
        let stands = self.sessions.contains_key(&fetch.session);
        fetch.deadline =
            may_stand_still(fetch.size, stands, turn.after(self.config.limits.stall_timeout));
        if !fetch.members.is_empty() {
            return self.begin_receiving_batch(id, conn, turn);
        }
        let from = fetch.has.map_or(0, |(bytes, _)| bytes);
        fetch.bytes = from;
        let (name, size, seal) = (fetch.name.clone(), fetch.size, fetch.seal.take());
        let session = fetch.session;
        turn.act(Action::Receive { transfer: id, conn, name: name.clone(), size, from, seal });
        let direction = Direction::Receive;
        turn.notify(Event::Started { transfer: id, session, direction, name, size, from, more: 0 });
    }

    /// A peer that refuses requests by the file's name.
    pub(super) fn refused_by_name(&mut self, session: SessionId, name: &str, turn: &mut Turn<'_>) {
        let named = |fetch: &Fetch| {
            fetch.session == session && fetch.requested && fetch.name.as_str() == name
        };
        // What is on its way already was not refused, if another of the name may have been.
        let waits = self.find_fetch(|fetch| named(fetch) && !fetch.is_moving());
        if let Some(id) = waits.or_else(|| self.find_fetch(named)) {
            self.request_refused(id, turn);
        }
    }

    /// A peer that refuses them by their numbers.
    pub(super) fn refused_by_number(
        &mut self,
        session: SessionId,
        number: u64,
        turn: &mut Turn<'_>,
    ) {
        let numbered =
            |fetch: &Fetch| fetch.session == session && fetch.requested && fetch.number == number;
        // One that was given up meanwhile needs no answer.
        if let Some(id) = self.find_fetch(numbered) {
            self.request_refused(id, turn);
        }
    }

    fn find_fetch(&self, is_it: impl Fn(&Fetch) -> bool) -> Option<TransferId> {
        self.transfers.iter().find_map(|(id, transfer)| match transfer {
            Transfer::Fetch(fetch) if is_it(fetch) => Some(*id),
            _ => None,
        })
    }

    fn request_refused(&mut self, id: TransferId, turn: &mut Turn<'_>) {
        let Some(Transfer::Fetch(fetch)) = self.transfers.get_mut(&id) else { return };
        fetch.requested = false;
        fetch.reports = fetch.is_moving();
        match (fetch.stage, fetch.has.take()) {
            // What is here is not how the file begins, or not any more: all of it, then.
            (Stage::Requested(listener), Some(_)) => {
                if let Some(listener) = listener
                    && self.listeners.remove(&listener).is_some()
                {
                    turn.act(Action::StopListening { listener });
                }
                self.ask_for(id, turn);
            }
            // Of a file that is on its way, the end of its stream tells more than the NO.
            (Stage::Receiving(_), _) => {}
            _ => self.fetch_failed(id, Error::Refused, turn),
        }
    }

    /// The session is gone: what waits will not be asked for, what was asked for must come soon.
    pub(super) fn orphan_fetches(
        &mut self,
        session: SessionId,
        slot: &mut Slot,
        fate: &Error,
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
                    Stage::Looking | Stage::Listening(_) | Stage::Requested(None) => {
                        unasked.push(*id);
                    }
                    Stage::Requested(Some(_)) => {
                        let soon = turn.after(AFTER_THE_END);
                        fetch.deadline = Some(fetch.deadline.map_or(soon, |at| at.min(soon)));
                    }
                    Stage::Receiving(_) => {
                        fetch.deadline.get_or_insert(turn.after(self.config.limits.stall_timeout));
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
