//! The attempts of hosts to punch holes, and the packets that these sent (section 5.8).

use std::net::SocketAddr;
use std::time::Duration;

use xcher_core::peer::ListenerId;

/// A host that connects from the port of a listener, and accepts there.
#[derive(Debug)]
pub struct Attempt {
    pub host: usize,
    pub listener: ListenerId,
    pub port: u16,
    pub to: SocketAddr,
    pub is_caller: bool,
    /// Connections that were refused.
    pub tries: u32,
    /// Packets of this try.
    pub resends: u32,
    /// Time of the next packet.
    pub next_at: Option<Duration>,
    pub until: Duration,
    /// True once there is a link.
    pub is_linked: bool,
    /// The last packet's source, as the other side sees it.
    pub seen: Option<SocketAddr>,
}

/// A packet on its way.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    pub of: (usize, ListenerId),
    pub try_number: u32,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub at: Duration,
    pub kind: PacketKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    Syn,
    /// It answers a SYN, and goes back to the sender of that.
    Reset,
}

/// All attempts and their packets.
#[derive(Debug, Default)]
pub struct Punching {
    pub attempts: Vec<Attempt>,
    pub packets: Vec<Packet>,
    /// The addresses of the two ends of each link.
    pub linked: Vec<(SocketAddr, SocketAddr)>,
    pub last_link: u64,
}

/// Something that is due.
#[derive(Clone, Copy)]
pub enum Step {
    Send(usize),
    Arrive(usize),
    GiveUp(usize),
}

impl Punching {
    pub fn due(&self, now: Duration, mut each: impl FnMut(Step)) {
        for (index, attempt) in self.attempts.iter().enumerate() {
            if attempt.next_at.is_some_and(|at| at <= now) {
                each(Step::Send(index));
            }
            if attempt.until <= now {
                each(Step::GiveUp(index));
            }
        }
        for (index, packet) in self.packets.iter().enumerate() {
            if packet.at <= now {
                each(Step::Arrive(index));
            }
        }
    }

    pub fn next_at(&self) -> Option<Duration> {
        let sends = self.attempts.iter().filter_map(|attempt| attempt.next_at);
        let ends = self.attempts.iter().map(|attempt| attempt.until);
        sends.chain(ends).chain(self.packets.iter().map(|packet| packet.at)).min()
    }

    /// A host closes a listener, and its attempt with it.
    pub fn close(&mut self, host: usize, listener: ListenerId) {
        self.attempts.retain(|attempt| (attempt.host, attempt.listener) != (host, listener));
        self.packets.retain(|packet| packet.of != (host, listener));
    }

    /// A host is killed.
    pub fn close_all(&mut self, host: usize) {
        self.attempts.retain(|attempt| attempt.host != host);
        self.packets.retain(|packet| packet.of.0 != host);
    }

    /// A host is in another network: no packet leaves from its old address, and none reaches it.
    pub fn move_host(&mut self, host: usize) {
        self.packets.retain(|packet| packet.of.0 != host);
        for attempt in self.attempts.iter_mut().filter(|attempt| attempt.host == host) {
            attempt.next_at = None;
        }
    }

    /// Returns true if a caller connects from this listener.
    pub fn is_of_caller(&self, host: usize, listener: ListenerId) -> bool {
        self.find(host, listener).is_some_and(|index| self.attempts[index].is_caller)
    }

    pub fn find(&self, host: usize, listener: ListenerId) -> Option<usize> {
        let is_it = |it: &Attempt| (it.host, it.listener) == (host, listener);
        self.attempts.iter().position(is_it)
    }
}
