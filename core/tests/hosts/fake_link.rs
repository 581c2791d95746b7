//! A link between two hosts that takes the place of WebRTC (section 24).

use std::net::SocketAddr;

use xcher_core::peer::{ConnId, Input, LinkReport, LinkStep, SessionId};
use xcher_core::secure::Side;

use crate::net::{Net, ip};

/// The link, as both drivers see it.
#[derive(Default)]
pub(crate) struct FakeLink {
    pub(crate) is_open: bool,
    /// Set if the callee's driver makes none.
    pub(crate) fails: bool,
    /// Set if drivers never report anything about it.
    pub(crate) is_silent: bool,
    /// Set if no stream can be opened.
    pub(crate) refuses_streams: bool,
    /// The description of each end, as the drivers gave it.
    pub(crate) description: Option<String>,
    /// All steps, by the host.
    pub(crate) steps: Vec<(usize, LinkStep)>,
    /// Each end of a stream.
    streams: Vec<(usize, ConnId)>,
}

impl FakeLink {
    /// The number of streams that were opened.
    pub(crate) fn streams(&self) -> usize {
        self.streams.len() / 2
    }
}

impl Net {
    fn report(&mut self, host: usize, report: LinkReport) {
        let (session, _) = self.opened(host).unwrap();
        self.give(host, Input::Link { session, report });
    }

    pub(crate) fn link_step(&mut self, host: usize, _: SessionId, step: LinkStep) {
        self.link.steps.push((host, step.clone()));
        if self.link.is_silent {
            return;
        }
        let described =
            |name: &str, link: &FakeLink| link.description.clone().unwrap_or(name.into()).into();
        match step {
            LinkStep::Offer => {
                let text = described("offer", &self.link);
                self.report(host, LinkReport::Described(text));
            }
            LinkStep::Answer(_) if self.link.fails => {
                self.report(host, LinkReport::Down("no network".into()));
            }
            LinkStep::Answer(_) => {
                let text = described("answer", &self.link);
                self.report(host, LinkReport::Described(text));
            }
            LinkStep::Accept(_) => {
                self.link.is_open = true;
                self.report(1 - host, LinkReport::Up);
                self.report(host, LinkReport::Up);
            }
            LinkStep::Open { conn, .. } if self.link.refuses_streams => {
                self.give(host, Input::ConnectFailed { conn, why: "the link is closed".into() });
            }
            LinkStep::Open { conn, number } => self.open_stream(host, conn, number),
            LinkStep::Close => self.cut_link(),
        }
    }

    fn open_stream(&mut self, host: usize, conn: ConnId, number: u64) {
        let other = 1 - host;
        let end = self.hosts[other].peer.new_conn();
        self.wires.insert((host, conn), (other, end));
        self.wires.insert((other, end), (host, conn));
        self.link.streams.extend([(host, conn), (other, end)]);
        let [local, remote] = [host, other].map(|host| SocketAddr::new(ip(host), 1));
        // Host 0 calls in all tests of links.
        let side = if other == 0 { Side::Caller } else { Side::Callee };
        self.report(other, LinkReport::Stream { conn: end, side, number });
        self.give(host, Input::Connected { conn, local, remote });
    }

    /// The link goes down, with all streams on it.
    pub(crate) fn cut_link(&mut self) {
        if !std::mem::take(&mut self.link.is_open) {
            return;
        }
        for host in [0, 1] {
            self.report(host, LinkReport::Down("it was cut".into()));
        }
        for (host, conn) in std::mem::take(&mut self.link.streams) {
            if self.wires.remove(&(host, conn)).is_some() {
                self.break_data(host, conn);
            }
        }
    }
}
