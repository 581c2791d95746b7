// The driver's side of two hosts: sockets and disks in memory, and a relay. Sessions are unencrypted for
// brevity: otherwise the bytes of files pass through the seals of `Action::Send` and `Action::Receive`.
// No inner doc comment, so that the file can be included.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use xcher_core::peer::{Action, ConnId, Event, Input, ListenerId, ReceiveEnd, TransferId};
use xcher_core::registry::{self, Registry};
use xcher_core::stream::Hasher;
use xcher_core::{Kind, Peer, RelayLimits, Size};

const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const NOW: Duration = Duration::ZERO;

/// What a host receives from its driver and from its own peer.
pub(crate) enum Received {
    Input(Input<'static>),
    Bytes(ConnId, Vec<u8>),
    Event(Event),
}

pub(crate) struct Network {
    file: &'static [u8],
    hosts: Vec<Peer>,
    relay: Registry,
    queue: VecDeque<(usize, Received)>,
    relay_conns: Vec<ConnId>,
    listeners: BTreeMap<u16, (usize, ListenerId)>,
    /// The remote end of each connection between hosts.
    remote: BTreeMap<(usize, ConnId), (usize, ConnId)>,
    receiving: BTreeMap<(usize, ConnId), TransferId>,
    /// Bytes sent over data connections.
    sent: BTreeMap<(usize, ConnId), Vec<u8>>,
    stored: Option<Vec<u8>>,
}

impl Network {
    /// Creates a network whose hosts share a file.
    pub(crate) fn new(file: &'static [u8]) -> Self {
        Self {
            file,
            hosts: Vec::new(),
            relay: Registry::new(RelayLimits::default(), [7; 32]),
            queue: VecDeque::new(),
            relay_conns: Vec::new(),
            listeners: BTreeMap::new(),
            remote: BTreeMap::new(),
            receiving: BTreeMap::new(),
            sent: BTreeMap::new(),
            stored: None,
        }
    }

    pub(crate) fn add(&mut self, peer: Peer, actions: Vec<Action>) {
        self.hosts.push(peer);
        self.carry_out(self.hosts.len() - 1, actions);
    }

    pub(crate) fn peer(&mut self, host: usize) -> &mut Peer {
        &mut self.hosts[host]
    }

    pub(crate) fn next(&mut self) -> Option<(usize, Received)> {
        self.queue.pop_front()
    }

    pub(crate) fn stored(&self) -> Option<&[u8]> {
        self.stored.as_deref()
    }

    /// Carries out the actions of a host.
    pub(crate) fn carry_out(&mut self, host: usize, actions: Vec<Action>) {
        for action in actions {
            if let Some(received) = self.carry_out_one(host, action) {
                self.queue.push_back((host, received));
            }
        }
    }

    /// Carries out an action, and returns its result if it has one.
    fn carry_out_one(&mut self, host: usize, action: Action) -> Option<Received> {
        let size = Size::Exact(self.file.len() as u64);
        Some(Received::Input(match action {
            Action::DialRelay { conn } => {
                self.relay_conns.push(conn);
                let (relay_conn, from) = (registry::ConnId(host as u64), ADDRESS);
                self.relay(registry::Input::Connected { conn: relay_conn, from });
                Input::Connected { conn, local: ADDRESS, remote: ADDRESS }
            }
            Action::Listen { listener, .. } => {
                let port = 40_000 + self.listeners.len() as u16;
                self.listeners.insert(port, (host, listener));
                Input::Listening { listener, allocated_at: None, port }
            }
            Action::Dial { conn, to, .. } => {
                let (other, listener) = self.listeners[&to.port()];
                let accepted = self.hosts[other].new_conn();
                self.remote.insert((host, conn), (other, accepted));
                self.remote.insert((other, accepted), (host, conn));
                let (local, remote) = (to, ADDRESS);
                let input = Input::Accepted { listener, conn: accepted, local, remote };
                self.queue.push_back((other, Received::Input(input)));
                Input::Connected { conn, local: ADDRESS, remote: to }
            }
            Action::Write { conn, bytes } => {
                if let Some((other, conn)) = self.remote.get(&(host, conn)) {
                    self.queue.push_back((*other, Received::Bytes(*conn, bytes)));
                } else {
                    let conn = registry::ConnId(host as u64);
                    self.relay(registry::Input::Received { conn, bytes: &bytes });
                }
                return None;
            }
            Action::Find { session, .. } => {
                Input::Found { session, size: Some(size), kind: Kind::File }
            }
            Action::Open { transfer, .. } => {
                // The digest of the part that the requester has: nothing.
                Input::Opened { transfer, digest: Ok(*Hasher::new().finalize().as_bytes()) }
            }
            Action::Send { transfer, conn, .. } => {
                let requester = self.remote[&(host, conn)];
                self.sent.insert(requester, self.file.to_vec());
                self.deliver(requester);
                let bytes = self.file.len() as u64;
                Input::SendEnded { transfer, bytes, unsent: Vec::new(), why: None }
            }
            Action::Receive { transfer, conn, .. } => {
                self.receiving.insert((host, conn), transfer);
                self.deliver((host, conn));
                return None;
            }
            Action::Store { transfer, .. } => {
                Input::Stored { transfer, name: "hello.txt".parse().expect("a valid name") }
            }
            Action::Notify(event) => return Some(Received::Event(event)),
            _ => return None,
        }))
    }

    /// Delivers a file once it is sent and its requester is ready.
    fn deliver(&mut self, requester: (usize, ConnId)) {
        if let Some(transfer) = self.receiving.get(&requester).copied()
            && let Some(file) = self.sent.remove(&requester)
        {
            let (bytes, digests, end) = (file.len() as u64, None, ReceiveEnd::Eof);
            let input = Input::ReceiveEnded { transfer, bytes, digests, end };
            self.queue.push_back((requester.0, Received::Input(input)));
            self.stored = Some(file);
        }
    }

    /// Reports an input to the relay and forwards its answers.
    fn relay(&mut self, input: registry::Input<'_>) {
        let mut actions = Vec::new();
        self.relay.handle(input, NOW, &mut actions);
        for action in actions {
            if let registry::Action::Write { conn, bytes } = action {
                let host = conn.0 as usize;
                self.queue.push_back((host, Received::Bytes(self.relay_conns[host], bytes)));
            }
        }
    }
}
