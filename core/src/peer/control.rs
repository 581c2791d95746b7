//! The control connections: reading, asking, ending (section 3).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::opening::Spare;
use super::{Action, ConnId, Event, Fault, ListenerId, Peer, SessionId, TransferId, Turn, Use};
use crate::session::Event as Heard;
use crate::{FileName, Limits, MisuseError, Nick, Session};

/// How long a connection to a listener is tried while another waits.
const TRIAL: Duration = Duration::from_secs(5);

/// One session of a host.
pub(super) struct Slot {
    pub(super) stage: Stage,
    pub(super) session: Session,
    pub(super) nick: Option<Nick>,
    /// Whether the other side called: this host is B.
    pub(super) called: bool,
    /// Whether the user knows of it.
    pub(super) opened: bool,
    /// When it began, when its stage did, when it last heard or asked, when bytes last left.
    began: Duration,
    pub(super) since: Duration,
    pub(super) heard: Duration,
    moved: Duration,
    /// This end and the other of the control connection.
    pub(super) ends: Option<(IpAddr, IpAddr)>,
    /// Bytes written and not yet on their way.
    pub(super) unsent: usize,
    paused: bool,
    /// The driver is looking something up for the oldest question.
    pub(super) looking: bool,
    /// Asked of a host that has not shown to be a peer yet.
    asked: Vec<Ask>,
    pub(super) spares: VecDeque<Spare>,
    /// Files to fetch that wait their turn, and how many do not.
    pub(super) fetches: VecDeque<TransferId>,
    pub(super) fetching: usize,
    /// Files to send that wait their turn, and how many do not.
    pub(super) serves: VecDeque<TransferId>,
    pub(super) serving: usize,
}

#[derive(Clone, Copy)]
pub(super) enum Stage {
    /// A listener was asked for.
    Listening(ListenerId),
    /// X_INIT was sent.
    Calling(ListenerId),
    /// The user is asked.
    Consent(SocketAddr),
    Dialling(ConnId, SocketAddr),
    /// Connected; the listener stands until the other side has shown to be a peer.
    Live {
        conn: ConnId,
        listener: Option<ListenerId>,
    },
}

#[derive(Clone, PartialEq)]
enum Ask {
    List,
    Check(FileName),
}

impl Slot {
    pub(super) fn new(
        stage: Stage,
        nick: Option<Nick>,
        called: bool,
        now: Duration,
        limits: &Limits,
    ) -> Self {
        Self {
            stage,
            session: Session::new(limits),
            nick,
            called,
            opened: false,
            began: now,
            since: now,
            heard: now,
            moved: now,
            ends: None,
            unsent: 0,
            paused: false,
            looking: false,
            asked: Vec::new(),
            spares: VecDeque::new(),
            fetches: VecDeque::new(),
            fetching: 0,
            serves: VecDeque::new(),
            serving: 0,
        }
    }

    /// Forgets what passed on a connection that was no peer's.
    pub(super) fn restart(&mut self, limits: &Limits) {
        self.session = Session::new(limits);
        self.ends = None;
        self.unsent = 0;
        self.paused = false;
        self.looking = false;
    }

    pub(super) fn conn(&self) -> Option<ConnId> {
        match self.stage {
            Stage::Live { conn, .. } | Stage::Dialling(conn, _) => Some(conn),
            _ => None,
        }
    }

    pub(super) fn deadline(&self, limits: &Limits) -> Option<Duration> {
        let due = match self.stage {
            Stage::Listening(_) | Stage::Calling(_) | Stage::Consent(_) => self.began + limits.open,
            Stage::Dialling(..) => self.since + limits.open,
            Stage::Live { .. } if !self.session.has_spoken() => {
                if self.called {
                    self.since + limits.first_line
                } else if self.asked.is_empty() {
                    self.heard + limits.idle
                } else if self.spares.is_empty() {
                    self.heard + limits.first_line
                } else {
                    self.since + TRIAL
                }
            }
            Stage::Live { .. } if self.session.awaits_answer() => self.heard + limits.answer,
            Stage::Live { .. } if self.has_work() => Duration::MAX,
            Stage::Live { .. } => self.heard.max(self.moved) + limits.idle,
        };
        let due = if self.unsent > 0 { due.min(self.moved + limits.stall) } else { due };
        (due < Duration::MAX).then_some(due)
    }

    fn has_work(&self) -> bool {
        self.looking
            || self.fetching + self.serving > 0
            || !(self.fetches.is_empty() && self.serves.is_empty())
    }

    /// Hands what a command or an answer wrote to the driver.
    pub(super) fn write(&mut self, bytes: Vec<u8>, turn: &mut Turn<'_>) {
        if let Stage::Live { conn, .. } = self.stage
            && !bytes.is_empty()
        {
            if self.unsent == 0 {
                self.moved = turn.now;
            }
            self.unsent += bytes.len();
            turn.act(Action::Write { conn, bytes });
        }
    }
}

impl Peer {
    /// Asks for everything the other side shares: [`Event::Entry`] for each, then
    /// [`Event::ListEnd`].
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoSession`], [`MisuseError::AlreadyAsked`], [`MisuseError::Ending`].
    pub fn list(
        &mut self,
        session: SessionId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.ask(session, Ask::List, &mut Turn { now, actions })
    }

    /// Asks whether the other side shares a file: [`Event::Checked`].
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list); [`MisuseError::TooManyWaiting`].
    pub fn check(
        &mut self,
        session: SessionId,
        name: FileName,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        self.ask(session, Ask::Check(name), &mut Turn { now, actions })
    }

    /// Says X_END and closes. Transfers under way go on; requests that wait are cancelled.
    ///
    /// # Errors
    ///
    /// [`MisuseError::NoSession`].
    pub fn end(
        &mut self,
        session: SessionId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), MisuseError> {
        if !self.sessions.contains_key(&session) {
            return Err(MisuseError::NoSession);
        }
        self.leave(session, None, &mut Turn { now, actions });
        Ok(())
    }

    fn ask(&mut self, id: SessionId, ask: Ask, turn: &mut Turn<'_>) -> Result<(), MisuseError> {
        let waiting = self.config.limits.questions;
        let slot = self.sessions.get_mut(&id).ok_or(MisuseError::NoSession)?;
        let live = matches!(slot.stage, Stage::Live { .. });
        let mut out = Vec::new();
        if live {
            slot.send(&ask, &mut out)?;
        }
        if !slot.session.has_spoken() {
            if !live && slot.asked.contains(&ask) {
                return Err(MisuseError::AlreadyAsked);
            }
            if slot.asked.len() >= waiting {
                return Err(MisuseError::TooManyWaiting);
            }
            slot.asked.push(ask);
        }
        slot.heard = turn.now;
        slot.write(out, turn);
        Ok(())
    }

    /// Sends what was asked before the connection stood.
    pub(super) fn ask_again(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        let mut out = Vec::new();
        for ask in slot.asked.clone() {
            // Each was checked when it was asked, and nothing else has been asked since.
            let sent = slot.send(&ask, &mut out);
            debug_assert_eq!(sent, Ok(()));
        }
        slot.write(out, turn);
        self.start_fetches(id, turn);
    }

    pub(super) fn control_received(&mut self, id: SessionId, bytes: &[u8], turn: &mut Turn<'_>) {
        if let Some(slot) = self.sessions.get_mut(&id) {
            slot.session.receive(bytes);
            slot.heard = turn.now;
            self.pump(id, turn);
        }
    }

    pub(super) fn control_sent(&mut self, id: SessionId, bytes: usize, turn: &mut Turn<'_>) {
        if let Some(slot) = self.sessions.get_mut(&id) {
            slot.unsent = slot.unsent.saturating_sub(bytes);
            slot.moved = turn.now;
            self.pump(id, turn);
        }
    }

    /// Takes lines while they may be taken, answers what is due, and tells the driver whether to
    /// read on.
    pub(super) fn pump(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let max_unsent = self.config.limits.unsent;
        loop {
            let Some(slot) = self.sessions.get_mut(&id) else { return };
            let spoke = slot.session.has_spoken();
            let mut out = Vec::new();
            slot.session.hold_answers(slot.unsent > max_unsent, &mut out);
            let heard = slot.session.next_event(&mut out);
            slot.write(out, turn);
            let speaks_now = !spoke && slot.session.has_spoken();
            if speaks_now && heard.is_ok() {
                slot.asked.clear();
                if let (true, Some((_, remote))) = (slot.called, slot.ends) {
                    self.guard.spoke(remote);
                }
                self.settle_on_peer(id, turn);
            }
            match heard {
                Ok(Some(event)) => self.heard(id, event, turn),
                Ok(None) => break,
                Err(error) => return self.session_failed(id, Fault::Protocol(error), turn),
            }
        }
        self.look_up(id, turn);
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        let Stage::Live { conn, .. } = slot.stage else { return };
        // Not while too much is unsent: a host that then did not read answers, and another that did
        // not read questions, would wait for each other.
        let pause = slot.session.is_full();
        if pause != core::mem::replace(&mut slot.paused, pause) {
            turn.act(if pause { Action::Pause { conn } } else { Action::Resume { conn } });
        }
    }

    fn heard(&mut self, session: SessionId, event: Heard, turn: &mut Turn<'_>) {
        match event {
            Heard::Question => {}
            Heard::BadQuestion { why } => turn.notice(Some(session), why),
            Heard::Entry { name, size } => turn.tell(Event::Entry { session, name, size }),
            Heard::BadEntry { why } => turn.tell(Event::BadEntry { session, why }),
            Heard::ListEnd { entries } => turn.tell(Event::ListEnd { session, entries }),
            Heard::Answer { name, yes } => turn.tell(Event::Checked { session, name, yes }),
            Heard::Refused { name } => self.request_refused(session, &name, turn),
            Heard::Ignored { verb } => {
                turn.notice(Some(session), alloc::format!("passed over the unknown packet {verb}"));
            }
            Heard::End => self.ended_by_peer(session, turn),
        }
    }

    fn ended_by_peer(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let unanswered = self.sessions.get(&id).is_some_and(|slot| slot.session.awaits_answer());
        self.over(id, true, unanswered.then_some(Fault::Closed(None)), turn);
    }

    pub(super) fn control_closed(
        &mut self,
        id: SessionId,
        why: Option<Box<str>>,
        turn: &mut Turn<'_>,
    ) {
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        let spoken = slot.session.has_spoken();
        let half = slot.session.close().err().map(Fault::Protocol);
        let unanswered = slot.session.awaits_answer() || slot.fetching > 0 || why.is_some();
        let fault = half.or_else(|| unanswered.then_some(Fault::Closed(why)));
        if self.try_another(id, fault.as_ref().unwrap_or(&Fault::Closed(None)), turn) {
            return;
        }
        self.over(id, spoken, fault, turn);
    }

    /// The other side broke the protocol, or went silent.
    pub(super) fn session_failed(&mut self, id: SessionId, fault: Fault, turn: &mut Turn<'_>) {
        if self.try_another(id, &fault, turn) {
            return;
        }
        let spoken = self.sessions.get(&id).is_some_and(|slot| slot.session.has_spoken());
        self.over(id, spoken, Some(fault), turn);
    }

    fn over(&mut self, id: SessionId, spoken: bool, fault: Option<Fault>, turn: &mut Turn<'_>) {
        let fate = fault.clone().unwrap_or(Fault::Closed(None));
        let Some(slot) = self.release(id, &fate, turn) else { return };
        if let (true, false, Some((_, remote))) = (slot.called, spoken, slot.ends) {
            self.guard.did_not_speak(remote, turn.now);
        }
        turn.tell(Event::Ended { session: id, fault });
    }

    pub(super) fn session_timed_out(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let limits = &self.config.limits;
        let Some(slot) = self.sessions.get(&id) else { return };
        let (waited_for, after) = match slot.stage {
            Stage::Listening(_) | Stage::Calling(_) => ("a connection back", limits.open),
            Stage::Consent(_) => ("an answer to the call", limits.open),
            Stage::Dialling(..) => ("a connection", limits.open),
            Stage::Live { .. } if slot.unsent > 0 => ("the other side to read", limits.stall),
            Stage::Live { .. } if !slot.session.has_spoken() && !slot.asked.is_empty() => {
                ("an answer", if slot.spares.is_empty() { limits.first_line } else { TRIAL })
            }
            Stage::Live { .. } if !slot.session.has_spoken() && slot.called => {
                ("a first packet", limits.first_line)
            }
            Stage::Live { .. } if slot.session.awaits_answer() => ("an answer", limits.answer),
            Stage::Live { .. } => return self.leave(id, None, turn),
        };
        let fault = Fault::TimedOut { waited_for, after };
        match slot.stage {
            Stage::Live { .. } => self.session_failed(id, fault, turn),
            Stage::Dialling(_, to) => {
                self.guard.did_not_speak(to.ip(), turn.now);
                self.open_failed(id, fault, turn);
            }
            _ => self.open_failed(id, fault, turn),
        }
    }

    /// Ends a session from this side.
    pub(super) fn leave(&mut self, id: SessionId, fault: Option<Fault>, turn: &mut Turn<'_>) {
        let Some(slot) = self.sessions.get_mut(&id) else { return };
        let mut out = Vec::new();
        if slot.session.end(&mut out).is_ok() {
            slot.write(out, turn);
        }
        if let Some(slot) = self.release(id, &Fault::Cancelled, turn) {
            turn.tell(match (slot.opened, fault) {
                (true, fault) => Event::Ended { session: id, fault },
                (false, fault) => {
                    let fault = fault.unwrap_or(Fault::Cancelled);
                    Event::OpenFailed { session: id, fault }
                }
            });
        }
    }

    /// Takes a session out: closes what it holds; what it has not begun meets its `fate`.
    pub(super) fn release(
        &mut self,
        id: SessionId,
        fate: &Fault,
        turn: &mut Turn<'_>,
    ) -> Option<Slot> {
        self.settle_on_peer(id, turn);
        let mut slot = self.sessions.remove(&id)?;
        if let Stage::Listening(listener) | Stage::Calling(listener) = slot.stage {
            self.listeners.remove(&listener);
            turn.act(Action::StopListening { listener });
        }
        if let Some(conn) = slot.conn()
            && let Some(Use::Control(_)) = self.conns.remove(&conn)
        {
            turn.act(Action::Close { conn });
        }
        self.orphan_fetches(id, &mut slot, fate, turn);
        self.orphan_serves(&mut slot, turn);
        Some(slot)
    }
}

impl Slot {
    fn send(&mut self, ask: &Ask, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        match ask {
            Ask::List => self.session.list(out),
            Ask::Check(name) => self.session.check(name.borrowed(), out),
        }
    }
}
