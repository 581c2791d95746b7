//! The relay's part in hole punching, and what becomes of the attempts to connect (section 5.8).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use xcher_core::peer::{ConnId, Input, ListenerId};

use crate::net::{Net, Todo, ip, ticket};

/// Invitations and the rendezvous of the hosts that follow them.
#[derive(Default)]
pub(crate) struct Meeting {
    pub(crate) is_supported: bool,
    /// Hosts that named `meet`.
    named: BTreeSet<usize>,
    /// The caller's and the callee's invitation of each X_MEET.
    invitations: Vec<[String; 2]>,
    /// The connections of hosts to the relay, and the listeners from whose ports they come.
    rendezvous: BTreeMap<(usize, ConnId), ListenerId>,
    /// The hosts that have shown an invitation, by that.
    present: BTreeMap<String, (usize, ConnId)>,
    /// Who tries to connect to which address, and from which listener.
    attempts: BTreeMap<(usize, ListenerId), SocketAddr>,
    /// Set if no attempt succeeds.
    pub(crate) is_lost: bool,
    /// The number of X_MEETs for a nick.
    pub(crate) asked: usize,
    /// The address that the relay tells in place of the other's.
    pub(crate) tells: Option<SocketAddr>,
    /// Links that were established.
    pub(crate) links: usize,
}

impl Meeting {
    pub(crate) fn new(is_supported: bool) -> Self {
        Self { is_supported, ..Self::default() }
    }

    pub(crate) fn has_named(&mut self, host: usize, meet: bool) {
        if meet {
            self.named.insert(host);
        }
    }

    pub(crate) fn is_rendezvous(&self, host: usize, conn: ConnId) -> bool {
        self.rendezvous.contains_key(&(host, conn))
    }

    /// Returns the number of rendezvous that are open.
    pub(crate) fn open(&self) -> usize {
        self.rendezvous.len()
    }

    /// This host did not name `meet`.
    pub(crate) fn forget(&mut self, host: usize) {
        self.named.remove(&host);
    }

    /// Returns the number of attempts to connect.
    pub(crate) fn attempts(&self) -> usize {
        self.attempts.len()
    }

    /// A host closes a connection; returns false if it was no rendezvous.
    pub(crate) fn leave(&mut self, host: usize, conn: ConnId) -> bool {
        self.present.retain(|_, of| *of != (host, conn));
        self.rendezvous.remove(&(host, conn)).is_some()
    }
}

impl Net {
    fn tell(&mut self, host: usize, conn: ConnId, line: &str) {
        self.todo.push_back(Todo::Bytes(host, conn, format!("{line}\n").into_bytes()));
    }

    /// The relay invites a caller and its callee.
    pub(crate) fn invite(&mut self, from: usize, nick: &str) {
        self.meeting.asked += 1;
        let caller = self.hosts[from].relay.unwrap();
        let callee = self.hosts.iter().position(|host| host.nick == nick);
        let callee = callee.filter(|callee| self.meeting.named.contains(callee));
        let Some((callee, conn)) = callee.and_then(|host| Some((host, self.hosts[host].relay?)))
        else {
            return self.tell(from, caller, &format!("X_ERR X_MEET no such nick: {nick}"));
        };
        let number = 100 + 2 * self.meeting.invitations.len();
        let both = [ticket(number), ticket(number + 1)];
        self.tell(from, caller, &format!("X_MEET {nick} {} 9247", both[0]));
        let from = self.hosts[from].nick.clone();
        self.tell(callee, conn, &format!("X_FROM {from}\nX_MEET {} 9247", both[1]));
        self.meeting.invitations.push(both);
    }

    /// The relay closes every rendezvous.
    pub(crate) fn close_rendezvous(&mut self) {
        for (host, conn) in std::mem::take(&mut self.meeting.rendezvous).into_keys() {
            self.give(host, Input::Closed { conn, why: None });
        }
        self.run();
    }

    pub(crate) fn dial_rendezvous(&mut self, host: usize, conn: ConnId, listener: ListenerId) {
        let (port, _) = self.listeners[&(host, listener)];
        self.meeting.rendezvous.insert((host, conn), listener);
        let [local, remote] = [SocketAddr::new(ip(host), port), SocketAddr::new(ip(250), 9247)];
        self.give(host, Input::Connected { conn, local, remote });
    }

    /// A host shows its invitation; once both have, each is told where the other is.
    pub(crate) fn attend(&mut self, host: usize, conn: ConnId, bytes: &[u8]) {
        let line = std::str::from_utf8(bytes).unwrap();
        let shown = line.strip_prefix("X_MEET ").unwrap().trim_end().to_owned();
        let known = self.meeting.invitations.iter().find(|both| both.contains(&shown));
        // One of no invitation waits for nobody.
        let Some(both) = known.cloned() else { return };
        self.meeting.present.insert(shown, (host, conn));
        let [Some(&caller), Some(&callee)] = both.each_ref().map(|it| self.meeting.present.get(it))
        else {
            return;
        };
        let ticket = ticket(200 + self.drawn.len());
        self.drawn.push(ticket.clone());
        for ((to, conn), (other, of)) in [(caller, callee), (callee, caller)] {
            let listener = self.meeting.rendezvous[&(other, of)];
            let seen = SocketAddr::new(ip(other), self.listeners[&(other, listener)].0);
            let at = self.meeting.tells.unwrap_or(seen);
            self.tell(to, conn, &format!("X_MEET {} {} {ticket}", at.ip(), at.port()));
        }
    }

    /// A host connects to the other's address; that succeeds once both do.
    pub(crate) fn punch(
        &mut self,
        host: usize,
        listener: ListenerId,
        to: SocketAddr,
        is_caller: bool,
    ) {
        let (port, _) = self.listeners[&(host, listener)];
        let own = SocketAddr::new(ip(host), port);
        self.meeting.attempts.insert((host, listener), to);
        let is_other = |(at, from): &(usize, ListenerId)| {
            self.listeners.get(&(*at, *from)).map(|(port, _)| SocketAddr::new(ip(*at), *port))
                == Some(to)
        };
        let found = self.meeting.attempts.iter().find(|(at, goal)| is_other(at) && **goal == own);
        let Some(&(other, from)) = found.map(|(at, _)| at) else { return };
        if self.meeting.is_lost {
            return;
        }
        self.meeting.links += 1;
        let (conn, end) = (self.hosts[host].peer.new_conn(), self.hosts[other].peer.new_conn());
        self.wires.insert((host, conn), (other, end));
        self.wires.insert((other, end), (host, conn));
        let here = Input::Accepted { listener, conn, local: own, remote: to };
        let there = Input::Accepted { listener: from, conn: end, local: to, remote: own };
        // The caller's driver reports the link when the callee has opened its first stream.
        let order =
            if is_caller { [(other, there), (host, here)] } else { [(host, here), (other, there)] };
        for (host, input) in order {
            self.give(host, input);
        }
    }
}
