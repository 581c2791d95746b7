//! Dials: what a host reaches at an address, and whether anything answers.

use std::net::SocketAddr;
use std::time::Duration;

use xcher_core::peer::{ConnId, ListenerId, Path, Purpose};

use crate::gateway::Entry;
use crate::host::Due;
use crate::net::{End, Use, View, Wire};
use crate::world::{Weather, World};

/// The time after which a system gives a connection up that nothing answers.
const DIAL_TIMEOUT: Duration = Duration::from_secs(127);

/// The end of a dial.
enum Reached {
    Listener {
        /// The address at which the listener sees the dialling host.
        seen: SocketAddr,
        host: usize,
        listener: ListenerId,
    },
    Nothing,
    NoAnswer,
}

impl World {
    pub(crate) fn dial(
        &mut self,
        host: usize,
        conn: ConnId,
        (to, path): (SocketAddr, Path),
        purpose: Purpose,
    ) {
        self.check_dial(host, to, path, purpose);
        let from = SocketAddr::new(self.place(host).inner, self.new_port(host));
        let (remote, target) = match self.reach(host, from.port(), to, path) {
            Reached::Listener { seen, host, listener } => (seen, Some((host, listener))),
            Reached::Nothing => (from, None),
            Reached::NoAnswer => {
                return self.unanswered.push((host, conn, self.now + DIAL_TIMEOUT));
            }
        };
        let refused = self.weather == Weather::Rough && self.rng.u8(..) < 5;
        let Some((target, listener)) = target.filter(|_| !refused) else {
            return self.hosts[host].due.push(Due::ConnectFailed(conn));
        };
        let open = self.hosts[target].listeners[&listener];
        if open.purpose != purpose {
            // In another network, an address is another host's.
            assert!(self.totals.moves > 0, "both ends agree on the purpose of a connection");
            return self.hosts[host].due.push(Due::ConnectFailed(conn));
        }
        let own = match open.path {
            Path::Bridge => to,
            _ => SocketAddr::new(self.place(target).inner, open.port),
        };
        let from_end = End { host: Some(host), conn: conn.0 };
        self.connect(from_end, (target, listener), [(from, to), (own, remote)]);
    }

    /// Finds what a host reaches at an address.
    fn reach(&mut self, host: usize, port: u16, to: SocketAddr, path: Path) -> Reached {
        let bridge = SocketAddr::new(self.places.bridge(), 9);
        if to.ip() == bridge.ip() {
            let target = self.hosts.iter().position(|it| it.allocated.contains(&to.port()));
            let listener = target.and_then(|target| self.listener_at(target, to.port()));
            // A bridge's client sees the bridge at the other end of another client.
            let seen = match path {
                Path::Bridge => bridge,
                _ => self.route(host, port, to).0,
            };
            return match target.zip(listener) {
                Some((host, listener)) => Reached::Listener { seen, host, listener },
                None => Reached::Nothing,
            };
        }
        let (seen, far, entry) = match path {
            Path::Bridge => {
                let far = self.places.gateway_at(to.ip());
                let gateway = far.map(|far| &self.places.gateways[far]);
                (bridge, far, gateway.map_or(Entry::Dropped, |far| far.enter(bridge, to)))
            }
            _ => self.route(host, port, to),
        };
        let inside = match entry {
            Entry::Inside(inside) => inside,
            Entry::Refused => return Reached::Nothing,
            Entry::Dropped => return Reached::NoAnswer,
        };
        let host = far.and_then(|far| self.host_at(far, inside.ip()));
        let listener = host.and_then(|host| self.listener_at(host, inside.port()));
        match host.zip(listener) {
            Some((host, listener)) => Reached::Listener { seen, host, listener },
            None => Reached::Nothing,
        }
    }

    pub(crate) fn connect(
        &mut self,
        from: End,
        (target, listener): (usize, ListenerId),
        views: [View; 2],
    ) {
        let to = End { host: Some(target), conn: listener.0 };
        let of = match self.hosts[target].listeners[&listener].purpose {
            Purpose::Control => Use::Control,
            Purpose::Data => Use::Data,
        };
        self.wires.push(Wire::new(from, to, of, views));
    }
}
