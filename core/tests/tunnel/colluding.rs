//! Tunnels, relays and pages that work together: whatever they do, nothing is dialled but what section
//! 10.3 lets their tunnel dial, address and port.

use std::collections::BTreeMap;

use proptest::prelude::*;
use xcher_core::RelayLimits;
use xcher_core::addr::{Scope, scope};
use xcher_core::registry::{Action, ConnId, Input, Registry, Report};

use super::*;

/// Where hostile clients and hosts are. The last two are on the bridge's own network, as a page in a
/// browser there is.
const HOSTILE: [&str; 5] = ["9.9.9.9", "8.8.4.4", "2a00::9", "10.0.0.66", "10.0.0.67"];
/// Hosts that call by their own address, and go where they are called.
const HONEST: [&str; 2] = ["8.8.8.8", "10.0.0.7"];
/// Machines that have to do with nobody; services of the bridge's host among them.
const VICTIMS: [&str; 9] = [
    "10.0.0.1",
    "127.0.0.1",
    OWN,
    "192.168.1.1",
    "169.254.169.254",
    "::1",
    "fd00::1",
    "1.1.1.1",
    "::ffff:10.0.0.1",
];
const PORTS: [u16; 4] = [40000, 40001, 8080, 1024];

/// What someone does; the numbers choose among what there is.
#[derive(Clone, Copy, Debug)]
enum Move {
    /// A hostile client opens a tunnel and takes a nick.
    Tunnel(usize),
    Listen(usize),
    /// The client of a tunnel calls another's, and names whatever it likes.
    Call(usize, usize, Place),
    /// A hostile host beside the relay does.
    HostCalls(usize, usize, Place),
    /// An honest host calls a tunnel's client.
    HonestCalls(usize, usize, usize),
    Dial(usize, Place),
    /// A tunnel dials what its client was called to, once or twice.
    Answer(usize),
    /// Someone comes to a listener: a host, or a machine that a page sent there.
    Visit(usize, usize),
    /// A connection ends.
    Close(usize),
    GiveBack(usize),
    Leave(usize),
    Wait(u8),
}

/// An address: of the pool, or a listener's.
#[derive(Clone, Copy, Debug)]
enum Place {
    Pool(usize, usize),
    Listener(usize),
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        (0..20usize, 0..4usize).prop_map(|(ip, port)| Place::Pool(ip, port)),
        (0..9usize).prop_map(Place::Listener),
    ]
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let n = || 0..9usize;
    prop::collection::vec(
        prop_oneof![
            2 => n().prop_map(Move::Tunnel),
            3 => n().prop_map(Move::Listen),
            5 => (n(), n(), place()).prop_map(|(from, to, at)| Move::Call(from, to, at)),
            2 => (n(), n(), place()).prop_map(|(from, to, at)| Move::HostCalls(from, to, at)),
            2 => (n(), n(), n()).prop_map(|(from, to, at)| Move::HonestCalls(from, to, at)),
            5 => n().prop_map(Move::Answer),
            8 => (n(), place()).prop_map(|(id, at)| Move::Dial(id, at)),
            3 => (n(), 0..20usize).prop_map(|(at, from)| Move::Visit(at, from)),
            1 => n().prop_map(Move::Close),
            1 => n().prop_map(Move::GiveBack),
            1 => n().prop_map(Move::Leave),
            1 => any::<u8>().prop_map(Move::Wait),
        ],
        1..120,
    )
}

struct World {
    bridge: Allocations,
    relay: Registry,
    /// Whether the relay is beside the bridge. One elsewhere is hostile: it passes on anything.
    is_beside: bool,
    now: Duration,
    tunnels: Vec<(TunnelId, ConnId, &'static str)>,
    listeners: Vec<(SocketAddr, TunnelId)>,
    /// Live connections, each of which tunnel, and whom it lets that tunnel dial.
    leases: Vec<(Lease, TunnelId, Option<IpAddr>)>,
    last_conn: u64,
    /// What X_INITs brought that are to be believed: to which tunnel, and when. Each is good once.
    brought: Vec<(TunnelId, SocketAddr, Duration)>,
    /// When each listener was lent.
    lent: BTreeMap<SocketAddr, Duration>,
    /// Whom the first call called that named a listener in time, as the relay sees that host.
    callees: BTreeMap<SocketAddr, IpAddr>,
    /// Whoever was called, and to where.
    calls: Vec<(TunnelId, SocketAddr)>,
    dials: usize,
    /// Those of them that no X_INIT named.
    other_ports: usize,
    joins: usize,
}

fn pick<T: Copy>(from: &[T], at: usize) -> Option<T> {
    (!from.is_empty()).then(|| from[at % from.len()])
}

impl World {
    fn new(is_beside: bool) -> Self {
        // At its worst: a relay that passes on any address.
        let limits = RelayLimits { any_address: true, ..RelayLimits::default() };
        Self {
            bridge: Allocations::new(AllocationLimits::default(), is_beside),
            relay: Registry::new(limits, [7; 32]),
            is_beside,
            now: NOW,
            tunnels: Vec::new(),
            listeners: Vec::new(),
            leases: Vec::new(),
            last_conn: 0,
            brought: Vec::new(),
            lent: BTreeMap::new(),
            callees: BTreeMap::new(),
            calls: Vec::new(),
            dials: 0,
            other_ports: 0,
            joins: 0,
        }
    }

    fn relay(&mut self, input: Input<'_>) {
        let mut actions = Vec::new();
        self.relay.handle(input, self.now, &mut actions);
        for action in actions {
            let Action::Report { conn, report } = action else { continue };
            let Some((id, ..)) = self.tunnels.iter().find(|(_, own, _)| *own == conn) else {
                continue;
            };
            match report {
                Report::Registered => self.bridge.set_nick(*id, true),
                Report::Named { at, callee } => {
                    self.bridge.record_naming(*id, at, Some(callee), self.now)
                }
                Report::Called { at } => self.bridge.record_call(*id, at, self.now),
            }
        }
    }

    fn connect(&mut self, from: &str, bridged: bool) -> ConnId {
        self.last_conn += 1;
        let conn = ConnId(self.last_conn);
        let from = SocketAddr::new(ip(from), 5000);
        self.relay(Input::Connected { conn, from });
        if bridged {
            self.relay(Input::Bridged { conn });
        }
        conn
    }

    fn say(&mut self, conn: ConnId, line: &str) {
        let line = format!("{line}\n");
        self.relay(Input::Received { conn, bytes: line.as_bytes() });
    }

    fn place(&self, place: Place) -> Option<SocketAddr> {
        match place {
            Place::Pool(ip_at, port) => {
                let pool: Vec<_> = VICTIMS.iter().chain(&HOSTILE).chain(&HONEST).collect();
                Some(SocketAddr::new(ip(pool[ip_at % pool.len()]), PORTS[port % PORTS.len()]))
            }
            Place::Listener(at) => pick(&self.listeners, at).map(|(at, _)| at),
        }
    }

    /// `caller` calls the client of a tunnel; where the relay is elsewhere, it brings anything.
    fn call(&mut self, caller: ConnId, from: &str, to: usize, at: SocketAddr) {
        let Some((id, conn, _)) = pick(&self.tunnels, to) else { return };
        // A relay beside the bridge vouches for where it sees the caller; one elsewhere is believed where
        // it names what is public.
        let is_believed = match self.is_beside {
            true => at.ip() == ip(from),
            false => scope(at.ip()) == Scope::Global,
        };
        if is_believed {
            self.brought.push((id, at, self.now));
        }
        self.calls.push((id, at));
        if self.is_beside {
            self.say(caller, &format!("X_INIT nick{} {} {}", conn.0, at.ip(), at.port()));
        } else {
            self.bridge.record_call(id, at, self.now);
        }
    }

    fn host_calls(&mut self, from: &'static str, to: usize, at: SocketAddr) {
        let conn = self.connect(from, false);
        self.say(conn, &format!("X_NICK host{}", conn.0));
        self.call(conn, from, to, at);
        self.relay(Input::Closed { conn });
    }

    fn make(&mut self, made: Move) {
        match made {
            Move::Tunnel(at) => {
                let client = HOSTILE[at % HOSTILE.len()];
                let conn = self.connect(client, true);
                let id = self.bridge.open(ip(client), false);
                self.tunnels.push((id, conn, client));
                if self.is_beside {
                    self.say(conn, &format!("X_NICK nick{}", conn.0));
                } else {
                    self.bridge.set_nick(id, true);
                }
            }
            Move::Listen(at) => {
                let Some((id, conn, _)) = pick(&self.tunnels, at) else { return };
                let port = 50000 + self.listeners.len() as u16;
                let at = SocketAddr::new(ip(OWN), port);
                if self.bridge.allocate(id, at, self.now).is_ok() {
                    self.listeners.push((at, id));
                    self.lent.insert(at, self.now);
                    self.relay(Input::Allocated { conn, at });
                }
            }
            Move::Call(from, to, place) => {
                let Some(((id, conn, client), at)) =
                    pick(&self.tunnels, from).zip(self.place(place))
                else {
                    return;
                };
                if !self.is_beside {
                    self.bridge.record_naming(id, at, None, self.now);
                } else if self.listeners.contains(&(at, id))
                    && self.now <= self.lent[&at] + Duration::from_secs(10)
                    && let Some((_, _, called)) = pick(&self.tunnels, to)
                {
                    self.callees.entry(at).or_insert(ip(called));
                }
                self.call(conn, client, to, at);
            }
            Move::HostCalls(from, to, place) => {
                if let Some(at) = self.place(place) {
                    self.host_calls(HOSTILE[from % HOSTILE.len()], to, at);
                }
            }
            Move::HonestCalls(from, to, port) => {
                let from = HONEST[from % HONEST.len()];
                self.host_calls(from, to, SocketAddr::new(ip(from), PORTS[port % PORTS.len()]));
            }
            Move::Dial(from, place) => {
                let Some(((id, ..), to)) = pick(&self.tunnels, from).zip(self.place(place)) else {
                    return;
                };
                self.dial(id, to);
            }
            Move::Answer(at) => {
                if let Some((id, to)) = pick(&self.calls, at) {
                    self.dial(id, to);
                }
            }
            Move::Visit(at, from) => {
                let pool: Vec<_> = VICTIMS.iter().chain(&HOSTILE).chain(&HONEST).collect();
                let from = ip(pool[from % pool.len()]);
                let Some((at, owner)) = pick(&self.listeners, at) else { return };
                // A machine of the private network that was not called may have been sent; on the internet
                // that leads nowhere that its sender could not go.
                let counts = scope(from) == Scope::Global
                    || self.callees.get(&at) == Some(&from)
                    || self.reaches(owner, from);
                if let Ok(lease) = self.bridge.accept_socket(at, from, is_own(from), self.now) {
                    self.leases.push((lease, owner, counts.then_some(from)));
                }
            }
            Move::Close(at) => {
                if !self.leases.is_empty() {
                    let (lease, ..) = self.leases.swap_remove(at % self.leases.len());
                    self.bridge.closed(lease);
                }
            }
            Move::GiveBack(at) => {
                if let Some((at, _)) = pick(&self.listeners, at) {
                    self.bridge.withdraw(at);
                }
            }
            Move::Leave(at) => {
                if !self.tunnels.is_empty() {
                    let (id, conn, _) = self.tunnels.swap_remove(at % self.tunnels.len());
                    self.relay(Input::Closed { conn });
                    self.bridge.close(id);
                }
            }
            Move::Wait(seconds) => self.now += Duration::from_secs(u64::from(seconds) / 2),
        }
    }

    fn dial(&mut self, id: TunnelId, to: SocketAddr) {
        if let Ok((route, lease)) = self.bridge.dial(id, to, is_own(to.ip()), self.now) {
            let end = self.dialled(id, to, route);
            self.leases.push((lease, id, end));
        }
    }

    /// Whether a live connection of the tunnel lets it dial that host.
    fn reaches(&self, id: TunnelId, host: IpAddr) -> bool {
        self.leases.iter().any(|(_, of, end)| *of == id && *end == Some(host))
    }

    /// The invariant; whom the connection lets its tunnel dial.
    fn dialled(&mut self, id: TunnelId, to: SocketAddr, route: Route) -> Option<IpAddr> {
        assert!(to.port() >= 1024, "{to}");
        if route == Route::InProcess {
            self.joins += 1;
            let (_, owner) = *self.listeners.iter().find(|(at, _)| *at == to).unwrap();
            if let Ok(lease) = self.bridge.accept_tunnel(to, id, self.now) {
                self.leases.push((lease, owner, None));
            }
            assert!(self.tunnels.iter().any(|(id, ..)| *id == owner), "its owner is there");
            return None;
        }
        self.dials += 1;
        assert!(!is_own(to.ip()), "no client is on the bridge's host: {to}");
        let now = self.now;
        let fits = |(of, at, when): &(TunnelId, SocketAddr, Duration)| {
            *of == id && *at == to && now - *when <= Duration::from_secs(60)
        };
        match self.brought.iter().position(fits) {
            // Exactly there, once.
            Some(call) => _ = self.brought.remove(call),
            // At any port.
            None => {
                self.other_ports += 1;
                assert!(self.reaches(id, to.ip()), "{to} was not brought to this tunnel");
            }
        }
        let client = self.tunnels.iter().find(|(own, ..)| *own == id).map(|(_, _, client)| *client);
        let client = scope(ip(client.unwrap()));
        assert!(
            [Scope::Global, client].contains(&scope(to.ip())),
            "{to} is nearer than the client"
        );
        assert!(self.is_beside || scope(to.ip()) == Scope::Global, "{to}");
        Some(to.ip())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn it_connects_only_to_where_a_call_led_however_many_clients_work_together(
        moves in moves(), is_beside: bool
    ) {
        let mut world = World::new(is_beside);
        for made in moves {
            world.make(made);
        }
    }
}

/// Otherwise the property would hold because nothing is ever dialled.
#[test]
fn honest_callers_are_dialled() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut dials, mut joins, mut other_ports) = (0, 0, 0);
    for number in 0..500 {
        let mut world = World::new(number % 2 == 0);
        for made in moves().new_tree(&mut runner).unwrap().current() {
            world.make(made);
        }
        dials += world.dials;
        joins += world.joins;
        other_ports += world.other_ports;
    }
    assert!(dials > 100 && joins > 100, "{dials} dials, {joins} joins");
    assert!(other_ports > 20 && other_ports < dials - 20, "{other_ports} of {dials} dials");
}
