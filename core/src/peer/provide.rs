//! Files that leave this host, and what it says of them (sections 3 and 4): the provider's side.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::slot::{Slot, Stage as SessionStage};
use super::{
    Action, ConnId, Direction, Event, Fault, Peer, Purpose, SessionId, Transfer, TransferId, Turn,
    Use,
};
use crate::addr::may_dial_port;
use crate::session::{Question, Request};
use crate::stream::Seal;
use crate::{FileName, Limits, Size};

/// Bytes of a list that may wait to leave while more of it is fetched.
const LIST_AHEAD: usize = 64 << 10;

/// A file that was requested of this host.
pub(super) struct Serve {
    session: SessionId,
    name: FileName,
    size: u64,
    /// How its bytes go.
    seal: Option<Seal>,
    /// The other end of the control connection, at the port that X_REQUEST named.
    to: SocketAddr,
    stage: Stage,
    pub(super) deadline: Option<Duration>,
}

#[derive(Clone, Copy)]
enum Stage {
    /// For its turn.
    Waiting,
    Dialling(ConnId),
    Sending(ConnId),
}

impl Serve {
    pub(super) fn is_moving(&self) -> bool {
        matches!(self.stage, Stage::Sending(_))
    }

    pub(super) fn timed_out(&self, limits: &Limits) -> Fault {
        match self.stage {
            Stage::Sending(_) => {
                Fault::TimedOut { waited_for: "the other side to take bytes", after: limits.stall }
            }
            _ => Fault::TimedOut { waited_for: "a data connection", after: limits.accept },
        }
    }
}

impl Peer {
    /// Has the driver look up what the oldest question asks for.
    pub(super) fn look_up(&mut self, session: SessionId, turn: &mut Turn<'_>) {
        let Limits { questions: max_waiting, unsent: max_unsent, .. } = self.config.limits;
        let Some(slot) = self.sessions.get_mut(&session) else { return };
        if slot.looking
            || slot.unsent > max_unsent
            || !matches!(slot.stage, SessionStage::Live { .. })
        {
            return;
        }
        let action = match slot.session.question() {
            None => return,
            Some(Question::List) if slot.unsent > LIST_AHEAD => return,
            // It waits among the questions until a file has left.
            Some(Question::Request(_)) if slot.serves.len() >= max_waiting => return,
            Some(Question::List) => Action::List { session },
            Some(Question::Check(name) | Question::Request(Request { name, .. })) => {
                Action::Find { session, name: name.clone() }
            }
        };
        slot.looking = true;
        turn.act(action);
    }

    pub(super) fn entries(
        &mut self,
        session: SessionId,
        entries: &[(FileName, u64)],
        done: bool,
        turn: &mut Turn<'_>,
    ) {
        let Some(slot) = self.sessions.get_mut(&session) else { return };
        if !core::mem::take(&mut slot.looking) {
            return;
        }
        let mut out = Vec::new();
        for (name, size) in entries {
            if slot.session.answer_entry(name.borrowed(), *size, &mut out).is_err() {
                break;
            }
        }
        if done && slot.session.answer_list_end(&mut out).is_err() {
            turn.notice(
                Some(session),
                format_args!("the driver ended a list that was not asked for"),
            );
        }
        slot.write(out, turn);
        self.pump(session, turn);
    }

    pub(super) fn found(&mut self, session: SessionId, size: Option<u64>, turn: &mut Turn<'_>) {
        let Some(slot) = self.sessions.get_mut(&session) else { return };
        if !core::mem::take(&mut slot.looking) {
            return;
        }
        let mut out = Vec::new();
        if slot.session.answer_check(size.is_some(), &mut out).is_err()
            && let Some(request) = slot.session.take_request(&mut out)
        {
            let name = request.name.clone();
            match self.admit_request(session, request, size) {
                Ok(()) => {}
                Err(why) => {
                    if let Some(slot) = self.sessions.get_mut(&session) {
                        slot.session.refuse(&name, &mut out);
                    }
                    turn.notice(Some(session), format_args!("said NO to {name}: {why}"));
                }
            }
        }
        if let Some(slot) = self.sessions.get_mut(&session) {
            slot.write(out, turn);
        }
        self.start_serves(session, turn);
        self.pump(session, turn);
    }

    /// Takes a request into the queue, or says why not.
    fn admit_request(
        &mut self,
        session: SessionId,
        request: Request,
        size: Option<u64>,
    ) -> Result<(), Box<str>> {
        let Request { name, size: asked, port, number } = request;
        let size = size.ok_or("it is not shared")?;
        if asked.exact().is_some_and(|asked| asked != size) {
            return Err(alloc::format!("expected its size of {size} bytes, got {asked}").into());
        }
        may_dial_port(port).map_err(|fault| alloc::format!("{fault}"))?;
        let id = TransferId(self.new_id());
        let slot = self.sessions.get_mut(&session).ok_or("its session is over")?;
        let (_, peer) = slot.ends.ok_or("its session is over")?;
        slot.serves.push(id);
        let to = SocketAddr::new(peer, port);
        let stage = Stage::Waiting;
        let seal = slot.session.seal_of(slot.session.side().other(), number);
        let serve = Box::new(Serve { session, name, size, seal, to, stage, deadline: None });
        self.transfers.insert(id, Transfer::Serve(serve));
        Ok(())
    }

    fn start_serves(&mut self, session: SessionId, turn: &mut Turn<'_>) {
        loop {
            let Some(slot) = self.sessions.get_mut(&session) else { return };
            if slot.serving >= self.config.limits.transfers {
                return;
            }
            let Some(&id) = slot.serves.first() else { return };
            slot.serves.remove(0);
            slot.serving += 1;
            let conn = self.new_conn();
            let Some(Transfer::Serve(serve)) = self.transfers.get_mut(&id) else { continue };
            serve.stage = Stage::Dialling(conn);
            serve.deadline = Some(turn.after(self.config.limits.accept));
            self.conns.insert(conn, Use::Data(id));
            turn.act(Action::Dial { conn, to: serve.to, purpose: Purpose::Data });
        }
    }

    pub(super) fn data_dialled(&mut self, id: TransferId, turn: &mut Turn<'_>) {
        let Some(Transfer::Serve(serve)) = self.transfers.get_mut(&id) else { return };
        let Stage::Dialling(conn) = serve.stage else { return };
        serve.stage = Stage::Sending(conn);
        serve.deadline = Some(turn.after(self.config.limits.stall));
        let (name, size, seal) = (serve.name.clone(), serve.size, serve.seal.take());
        turn.act(Action::Send { transfer: id, conn, name: name.clone(), size, seal });
        turn.tell(Event::Started {
            transfer: id,
            session: serve.session,
            direction: Direction::Send,
            name,
            size: Size::Exact(size),
        });
    }

    pub(super) fn data_dial_failed(&mut self, id: TransferId, why: Box<str>, turn: &mut Turn<'_>) {
        self.serve_failed(id, Fault::Unreachable(why), turn);
    }

    pub(super) fn send_ended(
        &mut self,
        id: TransferId,
        bytes: u64,
        why: Option<Box<str>>,
        turn: &mut Turn<'_>,
    ) {
        match self.transfers.get(&id) {
            Some(Transfer::Serve(serve)) if serve.is_moving() => {}
            _ => return,
        }
        if let Some(why) = why {
            return self.serve_failed(id, Fault::Unsent(why), turn);
        }
        if let Some(serve) = self.take_serve(id) {
            turn.tell(Event::Finished { transfer: id, name: serve.name.clone(), bytes });
            self.serve_over(&serve, turn);
        }
    }

    pub(super) fn serve_failed(&mut self, id: TransferId, fault: Fault, turn: &mut Turn<'_>) {
        let Some(serve) = self.take_serve(id) else { return };
        if let Stage::Dialling(conn) | Stage::Sending(conn) = serve.stage {
            turn.act(Action::Close { conn });
        }
        if let Some(slot) = self.sessions.get_mut(&serve.session) {
            slot.serves.retain(|waiting| *waiting != id);
            // Once bytes went out, the end of the stream says it.
            if !serve.is_moving() {
                let mut out = Vec::new();
                slot.session.refuse(&serve.name, &mut out);
                slot.write(out, turn);
            }
        }
        turn.tell(Event::Failed { transfer: id, name: serve.name.clone(), fault });
        self.serve_over(&serve, turn);
    }

    fn take_serve(&mut self, id: TransferId) -> Option<Box<Serve>> {
        match self.transfers.remove(&id)? {
            Transfer::Serve(serve) => {
                if let Stage::Dialling(conn) | Stage::Sending(conn) = serve.stage {
                    self.conns.remove(&conn);
                }
                Some(serve)
            }
            fetch => {
                self.transfers.insert(id, fetch);
                None
            }
        }
    }

    fn serve_over(&mut self, serve: &Serve, turn: &mut Turn<'_>) {
        if matches!(serve.stage, Stage::Waiting) {
            return;
        }
        if let Some(slot) = self.sessions.get_mut(&serve.session) {
            slot.serving = slot.serving.saturating_sub(1);
            slot.heard = turn.now;
            self.start_serves(serve.session, turn);
            self.pump(serve.session, turn);
        }
    }

    /// The session is gone: what waits will not be sent; what is on its way goes on.
    pub(super) fn orphan_serves(&mut self, slot: &mut Slot, turn: &mut Turn<'_>) {
        for id in core::mem::take(&mut slot.serves) {
            self.serve_failed(id, Fault::Closed(None), turn);
        }
    }
}
