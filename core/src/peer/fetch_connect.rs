//! The data connections of fetches: from a listener or a dial to the first byte.

use core::net::SocketAddr;

use super::transfers::{FetchStage, stall_deadline};
use super::{
    Action, ConnId, ConnRole, Direction, Error, Event, Peer, Purpose, SessionId, TransferId, Turn,
};

impl Peer {
    /// The provider listens on this port: dials it.
    pub(super) fn port_came(
        &mut self,
        session: SessionId,
        number: u64,
        port: u16,
        turn: &mut Turn<'_>,
    ) {
        let found = self.transfers.fetches().find_map(|(id, fetch)| {
            let is_it = fetch.session == session
                && fetch.request.number() == Some(number)
                && fetch.stage == FetchStage::Requested(None);
            fetch.provider.filter(|_| is_it).map(|provider| (id, provider))
        });
        // Cancelled meanwhile, or never requested.
        let Some((id, provider)) = found else { return };
        if let Err(error) = crate::addr::check_dial_port(port) {
            return self.fetch_failed(id, Error::Policy(error), turn);
        }
        let entry = self.sessions.get(&session);
        let Some(live) = entry.and_then(|entry| entry.connection()) else { return };
        let (path, link) = (live.path, live.link());
        let conn = self.new_conn();
        if let Some(fetch) = self.transfers.fetch_mut(id) {
            fetch.stage = FetchStage::Dialling(conn);
            fetch.deadline = Some(turn.after(self.config.limits.accept_timeout));
        }
        self.conns.insert(conn, ConnRole::Data(id));
        let to = SocketAddr::new(provider, port);
        turn.act(Action::Dial { conn, to, path, purpose: Purpose::Data, link });
    }

    pub(super) fn fetch_accepted(
        &mut self,
        id: TransferId,
        conn: ConnId,
        remote: SocketAddr,
        turn: &mut Turn<'_>,
    ) {
        let Some(fetch) = self.transfers.fetch(id) else { return };
        let FetchStage::Requested(Some(listener)) = fetch.stage else {
            return turn.act(Action::Close { conn });
        };
        let (session, provider) = (fetch.session, fetch.provider);
        if !self.is_from(provider, conn, remote, session, turn) {
            return;
        }
        self.listeners.remove(&listener);
        turn.act(Action::StopListening { listener });
        self.conns.insert(conn, ConnRole::Data(id));
        self.begin_receiving(id, conn, turn);
    }

    pub(super) fn fetch_dialled(&mut self, id: TransferId, turn: &mut Turn<'_>) {
        if let Some(fetch) = self.transfers.fetch(id)
            && let FetchStage::Dialling(conn) = fetch.stage
        {
            self.begin_receiving(id, conn, turn);
        }
    }

    pub(super) fn begin_receiving(&mut self, id: TransferId, conn: ConnId, turn: &mut Turn<'_>) {
        let Some(fetch) = self.transfers.fetch_mut(id) else { return };
        fetch.stage = FetchStage::Receiving(conn);
        let has_session = self.sessions.contains_key(&fetch.session);
        let until = turn.after(self.config.limits.stall_timeout);
        fetch.deadline = stall_deadline(fetch.size, has_session, until);
        if fetch.batch.is_some() {
            return self.begin_receiving_batch(id, conn, turn);
        }
        let (name, size, from) = (fetch.name.clone(), fetch.size, fetch.resume.offset());
        fetch.bytes = from;
        let (session, seal) = (fetch.session, fetch.request.take_seal());
        turn.act(Action::Receive { transfer: id, conn, name: name.clone(), size, from, seal });
        let direction = Direction::Receive;
        turn.notify(Event::Started { transfer: id, session, direction, name, size, from, more: 0 });
    }
}
