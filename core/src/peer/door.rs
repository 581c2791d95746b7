//! Who comes in where this host waits for whom it called (section 5.5).

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::session_entry::{Slot, Stage};
use super::{Action, ConnId, ListenerId, Path, Peer, SessionId, Turn, Use};
use crate::MAX_LINE_LEN;
use crate::ticket::{Ticket, TicketCheck};

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
}

/// What is known of a guest.
enum Standing {
    /// It may still show its ticket.
    Unproven,
    /// It showed its ticket, in so many bytes.
    Proven(usize),
    Stranger,
    /// No ticket is due from it.
    Free,
}

impl Slot {
    fn standing(&self, guest: &Guest) -> Standing {
        let door = self.doors.iter().find(|door| door.listener == guest.listener);
        match door.map(|door| &door.due) {
            None => Standing::Stranger,
            Some(Due::Unknown) => Standing::Unproven,
            Some(Due::Nothing) => Standing::Free,
            Some(Due::Ticket(ticket)) => match ticket.check(&guest.said) {
                TicketCheck::Incomplete => Standing::Unproven,
                TicketCheck::Valid(line) => Standing::Proven(line),
                TicketCheck::Invalid => Standing::Stranger,
            },
        }
    }

    fn count(&self, of: fn(Standing) -> bool) -> usize {
        self.guests.iter().filter(|guest| of(self.standing(guest))).count()
    }

    /// Whether another connection could be tried at once.
    pub(super) fn has_spare(&self) -> bool {
        self.count(|standing| matches!(standing, Standing::Free)) > 0
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
        let limits = &self.config.limits;
        let slot = self.sessions.get_mut(&id);
        let Some(slot) = slot.filter(|slot| slot.stage == Stage::Calling || slot.conn().is_some())
        else {
            return turn.act(Action::Close { conn });
        };
        let door = slot.doors.iter().find(|door| door.listener == listener);
        let path = door.map_or(Path::Direct, |door| door.path);
        let guest = Guest { conn, listener, path, local, remote, said: Vec::new() };
        let leaves = match slot.standing(&guest) {
            Standing::Free => {
                let all = slot.count(|standing| matches!(standing, Standing::Free));
                (all >= limits.spare_connections && slot.conn().is_some()).then_some(conn)
            }
            Standing::Unproven => {
                let unproven = |standing| matches!(standing, Standing::Unproven);
                // Who was called shows its ticket at once.
                let silent = |guest: &&Guest| !guest.said.contains(&b'\n');
                let oldest = slot.guests.iter().find(silent).or_else(|| slot.guests.first());
                let oldest = oldest.map(|guest| guest.conn);
                oldest.filter(|_| slot.count(unproven) >= limits.unproven_connections)
            }
            Standing::Stranger | Standing::Proven(_) => Some(conn),
        };
        slot.guests.push(guest);
        self.conns.insert(conn, Use::Waiting(id));
        if let Some(conn) = leaves {
            self.show_out(id, conn, turn);
        }
        self.let_in(id, turn);
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
        let Some(guest) = slot.guests.iter_mut().find(|guest| guest.conn == conn) else { return };
        if guest.said.len() + bytes.len() > MAX_LINE_LEN {
            return self.show_out(id, conn, turn);
        }
        guest.said.extend_from_slice(bytes);
        self.let_in(id, turn);
    }

    /// A connection that waits is gone.
    pub(super) fn waiting_closed(&mut self, id: SessionId, conn: ConnId) {
        if let Some(slot) = self.sessions.get_mut(&id) {
            slot.guests.retain(|guest| guest.conn != conn);
        }
    }

    /// The relay says what whoever comes to this address of this host's has to show.
    pub(super) fn ticket_due(
        &mut self,
        nick: &str,
        at: (IpAddr, u16),
        ticket: Option<Ticket>,
        turn: &mut Turn<'_>,
    ) {
        for (id, slot) in self.sessions.iter_mut() {
            if slot.nick.as_ref().is_none_or(|called| called.as_str() != nick) {
                continue;
            }
            let due = |door: &&mut Door| matches!(door.due, Due::Unknown) && door.named == Some(at);
            if let Some(door) = slot.doors.iter_mut().find(due) {
                door.due = ticket.map_or(Due::Nothing, Due::Ticket);
                let id = *id;
                return self.let_in(id, turn);
            }
        }
    }

    /// Takes whoever may come in, and shows strangers out.
    pub(super) fn let_in(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let mut at = 0;
        while let Some(slot) = self.sessions.get_mut(&id)
            && let Some(guest) = slot.guests.get(at)
        {
            let (conn, remote) = (guest.conn, guest.remote);
            match slot.standing(guest) {
                Standing::Free if slot.stage == Stage::Calling => {
                    let guest = slot.guests.remove(at);
                    return self.attach(id, guest, turn);
                }
                // Nothing tells the host that was called from a stranger who came by, until it speaks.
                Standing::Free | Standing::Unproven => at += 1,
                Standing::Proven(line) => {
                    let mut guest = slot.guests.remove(at);
                    guest.said.drain(..line);
                    // It is good once, and nobody else is waited for.
                    if let Some(tried) = slot.conn() {
                        slot.stage = Stage::Calling;
                        slot.restart(&self.config.limits);
                        self.show_out(id, tried, turn);
                    }
                    self.settle_on_peer(id, turn);
                    return self.attach(id, guest, turn);
                }
                Standing::Stranger => {
                    // Of many one is told.
                    if !core::mem::replace(&mut slot.met_stranger, true) {
                        let from = remote.ip().to_canonical();
                        let text = "showed no ticket of this call's, so it is not who was called";
                        turn.notice(Some(id), format_args!("a connection from {from} {text}"));
                    }
                    self.show_out(id, conn, turn);
                }
            }
        }
    }

    fn show_out(&mut self, id: SessionId, conn: ConnId, turn: &mut Turn<'_>) {
        self.waiting_closed(id, conn);
        self.conns.remove(&conn);
        turn.act(Action::Close { conn });
    }
}
