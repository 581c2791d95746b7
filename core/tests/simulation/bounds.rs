//! Bounds that hold at every moment, and what is left once all hosts have stopped.

use std::time::Duration;

use xcher_core::peer::Path;
use xcher_core::registry;

use crate::host::{Due, Listening};
use crate::net::{Life, Use, Wire};
use crate::world::{OUTSIDER, World};

/// Hole punches of one host at once: it has no more calls than these.
const MAX_PUNCHES: usize = 64;

impl World {
    /// Checks what hosts and relay hold open.
    pub(crate) fn check_bounds(&self) {
        let is_at_relay = |wire: &&Wire| wire.ends[1].host.is_none() && wire.life[1] == Life::Up;
        let at_relay = self.wires.iter().filter(is_at_relay).count();
        assert_eq!(self.relay.connections(), at_relay, "connections to the relay");
        for (index, host) in self.hosts.iter().enumerate() {
            let is_punched = |open: &&Listening| open.path == Path::Punched && open.link.is_none();
            let ports = host.listeners.values().filter(is_punched).count();
            let rendezvous = self.wires.iter().filter(|wire| {
                let own = wire.ends[0].host == Some(index) && wire.life[0] != Life::Closed;
                own && wire.of == Use::Rendezvous
            });
            // The host has not heard of it yet where a driver has given up.
            let failed = host.due.iter().filter(|due| matches!(due, Due::ListenFailed(_)));
            let most = ports + failed.count();
            assert!(rendezvous.count() <= most, "a rendezvous without a port");
            assert!(ports <= MAX_PUNCHES, "{ports} ports of rendezvous");
        }
    }

    /// Stops all hosts: nothing is left, neither at them nor at the relay.
    pub(crate) fn stop_all(&mut self) {
        assert!(self.punching.attempts.is_empty(), "left: {:?}", self.punching.attempts);
        assert!(self.unanswered.is_empty(), "dials are left: {:?}", self.unanswered);
        for host in 0..self.hosts.len() {
            self.hosts[host].due.clear();
            self.with(host, |peer, now, actions| peer.stop(now, actions));
            let deadline = self.hosts[host].peer.next_deadline();
            assert_eq!(deadline, None, "a host that has stopped waits for something");
        }
        while let Some(index) = self.wires.iter().position(|wire| !wire.is_closed()) {
            let wire = &mut self.wires[index];
            let of_host = wire.ends[0].host.filter(|host| *host != OUTSIDER);
            assert!(of_host.is_none() || wire.life[0] == Life::Closed, "left: {wire:?}");
            wire.flows[0].closed = true;
            wire.flows[0].ready_at = Duration::ZERO;
            match wire.life[1] {
                Life::Opening => self.arrive(index, 1),
                _ => self.deliver(index, 1),
            }
            self.wires.retain(|wire| !wire.is_closed());
        }
        self.relay_input(registry::Input::Tick);
        assert_eq!(self.relay.connections(), 0);
        assert_eq!(self.relay.next_deadline(), None, "the relay waits for something");
    }
}
