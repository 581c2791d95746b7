//! Hole punching: what drivers, systems and gateways do with the packets that open connections (section 5.8).

use std::net::SocketAddr;
use std::time::Duration;

use xcher_core::peer::{ConnId, ListenerId, Path, Purpose};

use crate::gateway::Entry;
use crate::host::Due;
use crate::net::{End, Use, Wire};
use crate::punching::{Attempt, Packet, PacketKind, Step};
use crate::world::World;

/// Time for both hosts to connect.
const PUNCH_TIMEOUT: Duration = Duration::from_secs(9);
/// The mean pause after the first tries that were refused, and their number; from then on each mean is twice as
/// long as the one before.
const SHORT_PAUSE: Duration = Duration::from_millis(60);
const QUICK_TRIES: u32 = 4;
const MAX_TRIES: u32 = 10;
/// The wait of a system before it sends a packet again that was not answered; each is twice as long.
const FIRST_RESEND: Duration = Duration::from_secs(1);
/// The time after which a connection is looked at again that no program has accepted yet.
const BACKLOG_WAIT: Duration = Duration::from_millis(20);

impl World {
    /// Connects to the relay from the port of a listener.
    pub(crate) fn dial_rendezvous(
        &mut self,
        host: usize,
        conn: ConnId,
        listener: ListenerId,
        relay_port: u16,
    ) {
        let port = self.hosts[host].listeners[&listener].port;
        let relay = self.places.relay();
        assert_eq!(relay_port, relay.port(), "the port that the relay named");
        let wire = self.dial_relay(host, conn, port, Use::Rendezvous);
        if let Some(wire) = wire {
            self.met.push((host, wire));
        }
    }

    pub(crate) fn punch(
        &mut self,
        host: usize,
        listener: ListenerId,
        to: SocketAddr,
        is_caller: bool,
    ) {
        self.check_dial(host, to, Path::Punched, Purpose::Control);
        let is_told = self.met.iter().any(|(other, at)| *other != host && *at == to);
        assert!(is_told, "{to} is dialled, which is the rendezvous of no other host");
        let port = self.hosts[host].listeners[&listener].port;
        let (next_at, until) = (Some(self.now), self.now + PUNCH_TIMEOUT);
        self.punching.attempts.push(Attempt {
            host,
            listener,
            port,
            to,
            is_caller,
            tries: 0,
            resends: 0,
            next_at,
            until,
            is_linked: false,
            seen: None,
        });
        self.totals.punches += 1;
    }

    pub(crate) fn punch_step(&mut self, step: Step) {
        match step {
            Step::Send(attempt) => self.send_syn(attempt),
            Step::GiveUp(attempt) => self.give_up(attempt),
            Step::Arrive(packet) => {
                let packet = self.punching.packets.swap_remove(packet);
                match packet.kind {
                    PacketKind::Syn => self.syn_arrives(packet),
                    PacketKind::Reset => self.reset_arrives(packet),
                }
            }
        }
    }

    fn send_syn(&mut self, index: usize) {
        let now = self.now;
        let attempt = &mut self.punching.attempts[index];
        let wait = FIRST_RESEND * (1 << attempt.resends);
        attempt.resends += 1;
        attempt.next_at = Some(now + wait);
        let (host, port, to) = (attempt.host, attempt.port, attempt.to);
        let (of, try_number) = ((host, attempt.listener), attempt.tries);
        let (from, far, _) = self.route(host, port, to);
        self.punching.attempts[index].seen = Some(from);
        if let Some(delay) = far.map(|far| self.delay(host, far)) {
            let (at, kind) = (now + delay, PacketKind::Syn);
            self.punching.packets.push(Packet { of, try_number, from, to, at, kind });
        }
    }

    fn delay(&self, host: usize, far: usize) -> Duration {
        let gateways = &self.places.gateways;
        gateways[self.place(host).gateway].delay_to(&gateways[far])
    }

    fn syn_arrives(&mut self, packet: Packet) {
        let Some(far) = self.places.gateway_at(packet.to.ip()) else { return };
        let gateway = &self.places.gateways[far];
        let entry = match far == self.place(packet.of.0).gateway && !gateway.hairpins {
            true => gateway.deny(),
            false => gateway.enter(packet.from, packet.to),
        };
        let inside = match entry {
            Entry::Inside(inside) => inside,
            Entry::Refused => return self.reset(packet, far),
            Entry::Dropped => return,
        };
        let host = self.host_at(far, inside.ip());
        let listener = host.and_then(|host| self.listener_at(host, inside.port()));
        match (host, listener) {
            (Some(host), Some(listener)) => {
                if self.hosts[host].listeners[&listener].path != Path::Punched {
                    return self.reset(packet, far);
                }
                match self.punching.find(host, listener) {
                    Some(_) => self.link(packet, host, listener),
                    None => {
                        let at = self.now + BACKLOG_WAIT;
                        self.punching.packets.push(Packet { at, ..packet });
                    }
                }
            }
            _ => self.reset(packet, far),
        }
    }

    fn reset(&mut self, packet: Packet, far: usize) {
        let at = self.now + self.delay(packet.of.0, far);
        self.punching.packets.push(Packet { at, kind: PacketKind::Reset, ..packet });
    }

    fn reset_arrives(&mut self, packet: Packet) {
        let (host, listener) = packet.of;
        let gateway = self.place(host).gateway;
        self.places.gateways[gateway].was_reset(packet.from, packet.to);
        let now = self.now;
        let Some(index) = self.punching.find(host, listener) else { return };
        let attempt = &mut self.punching.attempts[index];
        if attempt.is_linked || attempt.tries != packet.try_number {
            return;
        }
        attempt.tries += 1;
        attempt.resends = 0;
        let mean = SHORT_PAUSE * (1 << attempt.tries.saturating_sub(QUICK_TRIES));
        let pause = mean.mul_f64(0.5 + self.rng.f64());
        attempt.next_at = (attempt.tries < MAX_TRIES).then_some(now + pause);
        self.totals.refused += 1;
    }

    /// A packet got through: there is a connection, unless the other side's packet made the same one.
    fn link(&mut self, packet: Packet, host: usize, listener: ListenerId) {
        let (from, to) = (packet.from, packet.to);
        let ends = (from.min(to), from.max(to));
        let both = [Some(packet.of), Some((host, listener))];
        let both = both.map(|of| of.and_then(|(host, of)| self.punching.find(host, of)));
        let [Some(dialler), Some(acceptor)] = both else { return };
        let attempts = &mut self.punching.attempts;
        // A driver accepts from the address alone that the relay named.
        if from.ip() != attempts[acceptor].to.ip() || self.punching.linked.contains(&ends) {
            return;
        }
        attempts[dialler].next_at = None;
        if attempts[acceptor].seen == Some(to) && attempts[acceptor].to == from {
            attempts[acceptor].next_at = None;
        }
        for index in [dialler, acceptor] {
            attempts[index].is_linked = true;
        }
        self.punching.linked.push(ends);
        let [dialler, acceptor] = [dialler, acceptor].map(|index| &self.punching.attempts[index]);
        assert_ne!(dialler.is_caller, acceptor.is_caller, "a caller and a callee");
        let view = |attempt: &Attempt, remote| {
            let inner = self.hosts[attempt.host].place.inner;
            (SocketAddr::new(inner, attempt.port), remote)
        };
        let end = |attempt: &Attempt| End { host: Some(attempt.host), conn: attempt.listener.0 };
        let dialler = (end(dialler), view(dialler, to), dialler.is_caller);
        let acceptor = (end(acceptor), view(acceptor, from), acceptor.is_caller);
        // The callee opens the first stream.
        let (callee, caller) = if dialler.2 { (acceptor, dialler) } else { (dialler, acceptor) };
        let mut wire = Wire::new(callee.0, caller.0, Use::Control, [callee.1, caller.1]);
        self.punching.last_link += 1;
        wire.link = Some(self.punching.last_link);
        self.wires.push(wire);
        self.totals.links += 1;
    }

    fn give_up(&mut self, index: usize) {
        let attempt = self.punching.attempts.remove(index);
        let (host, listener) = (attempt.host, attempt.listener);
        self.punching.close(host, listener);
        if !attempt.is_linked {
            self.hosts[host].listeners.remove(&listener);
            self.hosts[host].due.push(Due::ListenFailed(listener));
        }
    }
}
