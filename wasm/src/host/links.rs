//! Links by WebRTC (section 24): tunnels to a peer, each for one session.

use std::time::Duration;

use xcher_core::peer::{ConnId, Input, LinkReport, LinkStep, SessionId};
use xcher_core::secure::Side;
use xcher_core::tunnel::FirstLine;

use super::stream::Role;
use super::tunnel::{Link, Tunnel};
use super::{Environment, Host, UNKNOWN_ADDRESS};

/// Time in which streams may still be opened on a link whose session is over.
const LAST_STREAMS_TIMEOUT: Duration = Duration::from_secs(5);

impl<E: Environment> Host<E> {
    pub(super) fn link_step(&mut self, session: SessionId, step: LinkStep) {
        match step {
            LinkStep::Offer => self.begin_link(session, Side::Caller, None),
            LinkStep::Answer(offer) => self.begin_link(session, Side::Callee, Some(&offer)),
            LinkStep::Accept(answer) => {
                if let Some(number) = self.link_of(session).map(|tunnel| tunnel.number) {
                    self.environment.accept_link(number, &answer);
                }
            }
            LinkStep::Open { conn, number } => self.open_link_stream(session, conn, number),
            LinkStep::Close => self.close_link(session),
        }
    }

    fn link_of(&mut self, session: SessionId) -> Option<&mut Tunnel> {
        let is_its =
            |tunnel: &&mut Tunnel| tunnel.link.as_ref().is_some_and(|link| link.session == session);
        self.tunnels.iter_mut().find(is_its)
    }

    fn begin_link(&mut self, session: SessionId, side: Side, offer: Option<&str>) {
        self.last_tunnel += 1;
        self.tunnels.push(Tunnel::link(self.last_tunnel, session, side));
        self.environment.link(self.last_tunnel, offer);
    }

    fn open_link_stream(&mut self, session: SessionId, conn: ConnId, number: u64) {
        let link = self.link_of(session).and_then(|tunnel| {
            let link = tunnel.link.as_ref()?;
            Some((tunnel.number, link.side.other()))
        });
        let opened = link.ok_or("the link is closed").and_then(|(tunnel, side)| {
            self.open_stream(tunnel, Role::Data(conn), &FirstLine::Data { side, number })
        });
        self.queue_input(match opened {
            Ok(()) => Input::Connected { conn, local: UNKNOWN_ADDRESS, remote: UNKNOWN_ADDRESS },
            Err(why) => Input::ConnectFailed { conn, why: why.into() },
        });
    }

    fn close_link(&mut self, session: SessionId) {
        let until = self.environment.now() + LAST_STREAMS_TIMEOUT;
        let Some(tunnel) = self.link_of(session) else { return };
        if tunnel.is_open() {
            if let Some(link) = &mut tunnel.link {
                link.closes_at.get_or_insert(until);
            }
            return;
        }
        let number = tunnel.number;
        self.tunnels.retain(|tunnel| tunnel.number != number);
        self.environment.disconnect(number);
    }

    /// Takes the description of this end of a link.
    pub fn described(&mut self, tunnel: u32, description: &str) {
        self.report_link(tunnel, LinkReport::Described(description.into()));
        self.turn();
    }

    /// Reports something about a link, if this tunnel is one.
    pub(super) fn report_link(&mut self, number: u32, report: LinkReport) {
        let tunnel = self.tunnels.iter().find(|tunnel| tunnel.number == number);
        if let Some(Link { session, .. }) = tunnel.and_then(|tunnel| tunnel.link.as_ref()) {
            let session = *session;
            self.input(Input::Link { session, report });
        }
    }

    /// The peer opened a stream for a request. A bridge opens none.
    pub(super) fn link_stream(&mut self, at: usize, side: Side, number: u64) {
        let tunnel = self.streams[at].tunnel;
        if !self.tunnels.iter().any(|known| known.number == tunnel && known.link.is_some()) {
            return self.stream_ended(at, None);
        }
        let conn = self.peer.new_conn();
        self.streams[at].role = Role::Data(conn);
        self.report_link(tunnel, LinkReport::Stream { conn, side, number });
    }

    /// Returns the time at which a link is closed on which nothing moves.
    pub(super) fn link_deadline(&self) -> Option<Duration> {
        let idle = self.tunnels.iter().filter(|tunnel| !self.carries(tunnel.number));
        idle.filter_map(|tunnel| tunnel.link.as_ref()?.closes_at).min()
    }

    fn carries(&self, number: u32) -> bool {
        self.streams.iter().any(|stream| stream.tunnel == number)
    }

    /// Closes links whose session is over.
    pub(super) fn close_idle_links(&mut self) {
        let now = self.environment.now();
        let is_due = |tunnel: &&Tunnel| {
            let closes_at = tunnel.link.as_ref().and_then(|link| link.closes_at);
            closes_at.is_some_and(|at| at <= now) && !self.carries(tunnel.number)
        };
        let due = self.tunnels.iter().filter(is_due).map(|tunnel| tunnel.number);
        for number in due.collect::<Vec<_>>() {
            self.lose(number, "its session is over");
        }
    }
}
