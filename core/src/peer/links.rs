//! Links by WebRTC: offers, answers and uses them (section 24).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::link_state::{Link, LinkStage, Verdict};
use super::transfers::FetchStage;
use super::{
    Action, ConnId, ConnRole, Event, LinkPolicy, LinkReport, LinkStep, Notice, Peer, SessionId,
    TransferId, Turn,
};
use crate::ProtocolError;
use crate::secure::Side;
use crate::session::{Extensions, LinkMessage};

impl Peer {
    /// A session is established: a link may be made, where both sides named `rtc`.
    pub(super) fn may_link(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        // The first connection was not the peer's.
        self.close_link(id, turn);
        let Some(entry) = self.sessions.get(&id) else { return };
        let (extensions, side) = (entry.session.extensions(), entry.session.side());
        if !extensions.has(Extensions::RTC.with(Extensions::PASSIVE)) {
            return;
        }
        let encryption = self.encryption.as_ref();
        let policy = encryption.map_or(LinkPolicy::Never, |encryption| encryption.links());
        let link = Link::new(side, policy);
        let offers = side == Side::Caller && link.policy() == LinkPolicy::Always;
        self.links.insert(id, link);
        if offers {
            self.offer_link(id, turn);
        }
    }

    fn offer_link(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        if let Some(link) = self.links.get_mut(&id) {
            link.begin(LinkStage::Describing, turn.now);
            turn.act(Action::Link { session: id, step: LinkStep::Offer });
        }
    }

    /// The peer sent an X_RTC.
    pub(super) fn link_message(
        &mut self,
        id: SessionId,
        message: Result<LinkMessage, ProtocolError>,
        turn: &mut Turn<'_>,
    ) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let step = match (message, link.side, link.stage) {
            (Ok(LinkMessage::Offer(text)), Side::Callee, LinkStage::Idle) => {
                link.begin(LinkStage::Describing, turn.now);
                LinkStep::Answer(text)
            }
            (Ok(LinkMessage::Answer(text)), Side::Caller, LinkStage::Offered) => {
                link.begin(LinkStage::Opening, turn.now);
                LinkStep::Accept(text)
            }
            (Ok(LinkMessage::No), Side::Caller, LinkStage::Offered) => {
                return self.link_failed(id, "the peer makes none", turn);
            }
            (Ok(_), ..) => {
                return turn.notice(Some(id), Notice::UnexpectedLinkMessage);
            }
            (Err(error), ..) => {
                turn.notice(Some(id), Notice::LinkMessage(error));
                // Nothing better follows.
                if link.stage == LinkStage::Offered {
                    self.link_failed(id, "the answer cannot be read", turn);
                }
                return;
            }
        };
        turn.act(Action::Link { session: id, step });
    }

    pub(super) fn link_report(&mut self, id: SessionId, report: LinkReport, turn: &mut Turn<'_>) {
        match report {
            LinkReport::Described(text) => self.link_described(id, text, turn),
            LinkReport::Up => self.link_up(id, turn),
            LinkReport::Stream { conn, side, number } => {
                self.link_stream(id, conn, (side, number), turn);
            }
            LinkReport::Down(why) => self.link_down(id, &why, turn),
        }
    }

    fn link_described(&mut self, id: SessionId, text: Box<str>, turn: &mut Turn<'_>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.stage != LinkStage::Describing {
            return;
        }
        if text.len() > crate::session::MAX_DESCRIPTION_LEN {
            return self.link_failed(id, "its description is too long", turn);
        }
        let message = match link.side {
            Side::Caller => {
                link.begin(LinkStage::Offered, turn.now);
                LinkMessage::Offer(text)
            }
            Side::Callee => {
                link.begin(LinkStage::Opening, turn.now);
                LinkMessage::Answer(text)
            }
        };
        self.send_link_message(id, message, turn);
    }

    fn send_link_message(&mut self, id: SessionId, message: LinkMessage, turn: &mut Turn<'_>) {
        if let Some(entry) = self.sessions.get_mut(&id) {
            let mut out = Vec::new();
            // Ignored: a closing session needs no link.
            _ = entry.session.link(message, &mut out);
            entry.write(out, turn);
        }
    }

    fn link_up(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.stage == LinkStage::Opening {
            link.opened();
            turn.notify(Event::Link { session: id, is_used: true });
        }
    }

    /// A link cannot be made, or is closed. What moved on it ends by itself.
    fn link_down(&mut self, id: SessionId, why: &str, turn: &mut Turn<'_>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if !link.is_held_by_driver() {
            return;
        }
        let refuses = link.side == Side::Callee && link.stage == LinkStage::Describing;
        let was_used = link.stage == LinkStage::Up;
        link.over();
        if refuses {
            self.send_link_message(id, LinkMessage::No, turn);
        }
        if !self.sessions.contains_key(&id) {
            self.links.remove(&id);
            return;
        }
        turn.notice(Some(id), Notice::LinkFailed { why: why.into() });
        if was_used {
            turn.notify(Event::Link { session: id, is_used: false });
        }
    }

    fn link_failed(&mut self, id: SessionId, why: &str, turn: &mut Turn<'_>) {
        turn.act(Action::Link { session: id, step: LinkStep::Close });
        self.link_down(id, why, turn);
    }

    /// The session has ended, or begins anew: closes its link once nothing moves on it.
    pub(super) fn close_link(&mut self, id: SessionId, turn: &mut Turn<'_>) {
        let Some(link) = self.links.get(&id) else { return };
        if link.is_held_by_driver() {
            turn.act(Action::Link { session: id, step: LinkStep::Close });
        }
        // Of one that is open, the driver still reports streams and the end.
        if !link.is_open() {
            self.links.remove(&id);
        }
    }

    /// Ends the setup of links that are late.
    pub(super) fn pass_link_deadlines(&mut self, turn: &mut Turn<'_>) {
        let is_late = |link: &Link| link.deadline().is_some_and(|at| at <= turn.now);
        let late = self.links.iter().filter(|(_, link)| is_late(link));
        for id in late.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.link_failed(id, "it took too long", turn);
        }
    }

    /// Returns true if new requests use the session's link.
    pub(super) fn uses_link(&self, id: SessionId) -> bool {
        self.links.get(&id).is_some_and(|link| link.stage == LinkStage::Up)
    }

    /// The provider opened a stream for one of this host's requests.
    fn link_stream(
        &mut self,
        id: SessionId,
        conn: ConnId,
        (side, number): (Side, u64),
        turn: &mut Turn<'_>,
    ) {
        let is_own = self.links.get(&id).is_some_and(|link| link.is_open() && link.side == side);
        let requested = self.transfers.fetches().find(|(_, fetch)| {
            is_own
                && fetch.session == id
                && fetch.request.number() == Some(number)
                && fetch.stage == FetchStage::Requested(None)
        });
        // Cancelled meanwhile, or never requested.
        let Some((transfer, _)) = requested else { return turn.act(Action::Close { conn }) };
        if let Some(fetch) = self.transfers.fetch_mut(transfer) {
            fetch.on_link = true;
        }
        self.conns.insert(conn, ConnRole::Data(transfer));
        self.begin_receiving(transfer, conn, turn);
    }

    /// Measures what a transfer moved, and decides if a link is made, or not used any more.
    pub(super) fn judge_link(
        &mut self,
        session: SessionId,
        id: TransferId,
        bytes: u64,
        turn: &mut Turn<'_>,
    ) {
        // Most hosts never make one, and need no rate.
        if !self.links.contains_key(&session) {
            return;
        }
        let (on_link, rate) = if let Some(fetch) = self.transfers.fetch_mut(id) {
            (fetch.on_link, fetch.pace.moved(bytes, turn.now))
        } else if let Some(serve) = self.transfers.serve_mut(id) {
            (serve.on_link, serve.pace.moved(bytes, turn.now))
        } else {
            return;
        };
        let Some(rate) = rate else { return };
        let fetches = self.transfers.fetches().filter(|(_, fetch)| {
            fetch.session == session && fetch.is_moving() && fetch.on_link == on_link
        });
        let serves = self.transfers.serves().filter(|(_, serve)| {
            serve.session == session && serve.is_moving() && serve.on_link == on_link
        });
        let moving = (fetches.count() + serves.count()) as u64;
        let link = self.links.get_mut(&session);
        match link.and_then(|link| link.judge(rate.saturating_mul(moving), on_link)) {
            Some(Verdict::Offer) => self.offer_link(session, turn),
            Some(Verdict::Retire) => turn.notify(Event::Link { session, is_used: false }),
            None => {}
        }
    }
}
