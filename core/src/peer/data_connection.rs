//! Hands what happens on data connections to the transfer that each is for.

use core::net::{IpAddr, SocketAddr};

use super::transfers::Transfer;
use super::{Action, ConnId, Error, Notice, Peer, SessionId, TransferId, Turn};

impl Peer {
    pub(super) fn data_dialled(&mut self, id: TransferId, turn: &mut Turn<'_>) {
        match self.transfers.get(id) {
            Some(Transfer::Fetch(_)) => self.fetch_dialled(id, turn),
            Some(Transfer::Serve(_)) => self.serve_dialled(id, turn),
            Some(Transfer::Member(_)) | None => {}
        }
    }

    pub(super) fn data_listening(&mut self, id: TransferId, port: u16, turn: &mut Turn<'_>) {
        match self.transfers.get(id) {
            Some(Transfer::Fetch(_)) => self.fetch_listening(id, port, turn),
            Some(Transfer::Serve(_)) => self.serve_listening(id, port, turn),
            Some(Transfer::Member(_)) | None => {}
        }
    }

    pub(super) fn data_accepted(
        &mut self,
        id: TransferId,
        conn: ConnId,
        remote: SocketAddr,
        turn: &mut Turn<'_>,
    ) {
        match self.transfers.get(id) {
            Some(Transfer::Fetch(_)) => self.fetch_accepted(id, conn, remote, turn),
            Some(Transfer::Serve(_)) => self.serve_accepted(id, conn, remote, turn),
            Some(Transfer::Member(_)) | None => turn.act(Action::Close { conn }),
        }
    }

    pub(super) fn transfer_failed(&mut self, id: TransferId, error: Error, turn: &mut Turn<'_>) {
        match self.transfers.get(id) {
            Some(Transfer::Fetch(_)) => self.fetch_failed(id, error, turn),
            Some(Transfer::Serve(_)) => self.serve_failed(id, error, turn),
            Some(Transfer::Member(_)) => self.member_failed(id, error, turn),
            None => {}
        }
    }

    /// Returns true if a data connection comes from the peer of its session; closes it otherwise.
    pub(super) fn is_from(
        &self,
        peer: Option<IpAddr>,
        conn: ConnId,
        remote: SocketAddr,
        session: SessionId,
        turn: &mut Turn<'_>,
    ) -> bool {
        let from = remote.ip().to_canonical();
        let Some(expected) = peer.filter(|peer| *peer != from) else { return true };
        turn.act(Action::Close { conn });
        turn.notice(Some(session), Notice::UnknownDataSource { expected, from });
        false
    }
}
