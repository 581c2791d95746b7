//! Who comes in where this host waits for whom it called (section 5.5).

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::slot::{Slot, Stage};
use super::{Action, ConnId, ListenerId, Path, Peer, SessionId, Turn, Use};
use crate::ticket::{Shown, Ticket};
use crate::{MAX_LINE, Nick};

/// A listener of a call, until whoever was called has shown to be a peer.
pub(super) struct Door {
    pub(super) listener: ListenerId,
    pub(super) path: Path,
    /// What its X_INIT said.
    pub(super) named: Option<(IpAddr, u16)>,
    pub(super) due: Due,
}

/// What whoever comes in has to show.
pub(super) enum Due {
    /// The relay has not said yet.
    Unknown,
    /// Nothing: the host that was called knows no tickets, or the relay does not.
    Nothing,
    Ticket(Ticket),
}

/// A connection to a door that waits.
pub(super) struct Guest {
    pub(super) conn: ConnId,
    listener: ListenerId,
    pub(super) path: Path,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// What it said so far.
    pub(super) said: Vec<u8>,
}

impl Guest {
    /// One that this host dialled.
    pub(super) fn dialled(
        conn: ConnId,
        path: Path,
        (local, remote): (SocketAddr, SocketAddr),
    ) -> Self {
        Self { conn, listener: ListenerId(0), path, local, remote, said: Vec::new() }
    }

    /// Whether it has not said a whole line.
    fn is_silent(&self) -> bool {
        !self.said.contains(&b'\n')
    }
}

impl Slot {
    fn door(&mut self, listener: ListenerId) -> Option<&mut Door> {
        self.doors.iter_mut().find(|door| door.listener == listener)
    }

    /// Whether the relay was asked to pass its call on, and has not said what became of it.
    pub(super) fn is_unanswered(&self) -> bool {
        self.stage == Stage::Calling
            && self.doors.iter().all(|door| matches!(door.due, Due::Unknown))
    }
}

impl Peer {
    /// A connection to a door.
    pub(super) fn accepted(
        &mut self,
        id: SessionId,
        listener: ListenerId,
        conn: ConnId,
        (local, remote): (SocketAddr, SocketAddr),
        turn: &mut Turn<'_>,
    ) {
        let most = self.config.limits.unproven;
        let slot = self.sessions.get_mut(&id);
        let waits = |slot: &Slot| matches!(slot.stage, Stage::Calling | Stage::Live { .. });
        let Some(slot) = slot.filter(|slot| waits(slot)) else {
            return turn.act(Action::Close { conn });
        };
        let Some(&mut Door { path, ref due, .. }) = slot.door(listener) else {
            return turn.act(Action::Close { conn });
        };
        let guest = Guest { conn, listener, path, local, remote, said: Vec::new() };
        if let Due::Nothing = due {
            return self.enter(id, guest, turn);
        }
        if slot.guests.len() >= most.max(1) {
            // Who was called shows its ticket at once.
            let silent = slot.guests.iter().position(Guest::is_silent);
            let Guest { conn, .. } = slot.guests.remove(silent.unwrap_or(0));
            self.conns.remove(&conn);
            turn.act(Action::Close { conn });
        }
        slot.guests.push(guest);
        self.conns.insert(conn, Use::Waiting(id));
    }

    /// Takes a connection for that of whom this host called, or keeps it while another is tried.
    fn enter(&mut self, id: SessionId, guest: Guest, turn: &mut Turn<'_>) {
        let spares = self.config.limits.spares;
        let conn = guest.conn;
        match self.sessions.get_mut(&id) {
            Some(slot) if slot.stage == Stage::Calling => self.attach(id, guest, turn),
            // Nothing tells the host that was called from a stranger who came by, until it speaks.
            Some(slot) if slot.conn().is_some() && slot.spares.len() < spares => {
                self.conns.insert(conn, Use::Waiting(id));
                slot.spares.push(guest);
            }
            _ => self.show_out(conn, turn),
        }
    }

    /// A connection that waits said something.
    pub(super) fn waiting_received(
        &mut self,
        id: SessionId,
        conn: ConnId,
        bytes: &[u8],
        turn: &mut Turn<'_>,
    ) {
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        let mut all = slot.guests.iter_mut().chain(&mut slot.spares);
        let Some(guest) = all.find(|guest| guest.conn == conn) else { return };
        if guest.said.len() + bytes.len() > MAX_LINE {
            slot.forget_waiting(conn);
            return self.show_out(conn, turn);
        }
        guest.said.extend_from_slice(bytes);
        self.look_at_guest(id, conn, turn);
    }

    /// A connection that waits is gone.
    pub(super) fn waiting_closed(&mut self, id: SessionId, conn: ConnId) {
        if let Some(slot) = self.sessions.get_mut(&id) {
            slot.forget_waiting(conn);
        }
    }

    /// The relay says what whoever comes to this address of this host's has to show.
    pub(super) fn ticket_due(
        &mut self,
        nick: &Nick,
        at: (IpAddr, u16),
        ticket: Option<Ticket>,
        turn: &mut Turn<'_>,
    ) {
        let due = |door: &Door| matches!(door.due, Due::Unknown) && door.named == Some(at);
        let called = self.sessions.iter_mut().filter(|(_, slot)| slot.nick.as_ref() == Some(nick));
        let mut doors = called.flat_map(|(id, slot)| slot.doors.iter_mut().map(|door| (*id, door)));
        let Some((id, door)) = doors.find(|(_, door)| due(door)) else { return };
        let listener = door.listener;
        let shows = ticket.is_some();
        door.due = ticket.map_or(Due::Nothing, Due::Ticket);
        drop(doors);
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        let came = |guest: &&mut Guest| guest.listener == listener;
        if shows {
            let conns: Vec<_> =
                slot.guests.iter_mut().filter(came).map(|guest| guest.conn).collect();
            for conn in conns {
                self.look_at_guest(id, conn, turn);
            }
            return;
        }
        for guest in
            slot.guests.extract_if(.., |guest| guest.listener == listener).collect::<Vec<_>>()
        {
            self.enter(id, guest, turn);
        }
    }

    /// Lets a guest in who has shown its ticket, and shows out one who said something else.
    fn look_at_guest(&mut self, id: SessionId, conn: ConnId, turn: &mut Turn<'_>) {
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        let Some(at) = slot.guests.iter().position(|guest| guest.conn == conn) else { return };
        let (listener, remote) = (slot.guests[at].listener, slot.guests[at].remote);
        let Some(door) = slot.doors.iter_mut().find(|door| door.listener == listener) else {
            return;
        };
        let Due::Ticket(ticket) = &door.due else { return };
        match ticket.is_shown_by(&slot.guests[at].said) {
            Shown::Part => {}
            Shown::Wrong => {
                slot.guests.remove(at);
                // Of many one is told.
                if !core::mem::replace(&mut slot.met_stranger, true) {
                    let from = remote.ip().to_canonical();
                    let text = "showed no ticket of this call's, so it is not who was called";
                    turn.notice(Some(id), format_args!("a connection from {from} {text}"));
                }
                self.show_out(conn, turn);
            }
            Shown::Right(line) => {
                let mut guest = slot.guests.remove(at);
                guest.said.drain(..line);
                // It is good once, and nobody else is waited for.
                if let Some(tried) = slot.conn() {
                    slot.stage = Stage::Calling;
                    slot.restart(&self.config.limits);
                    self.show_out(tried, turn);
                }
                self.settle_on_peer(id, turn);
                self.attach(id, guest, turn);
            }
        }
    }

    fn show_out(&mut self, conn: ConnId, turn: &mut Turn<'_>) {
        self.conns.remove(&conn);
        turn.act(Action::Close { conn });
    }
}
