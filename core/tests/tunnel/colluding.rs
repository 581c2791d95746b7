//! Tunnels, relays and pages that collude: whatever they do, the bridge dials only the addresses
//! and ports that section 10.3 allows their tunnel.

use std::collections::BTreeMap;

use proptest::prelude::*;
use xcher_core::RelayLimits;
use xcher_core::addr::{Scope, scope};
use xcher_core::registry::{Action, ConnId, Input, Registry, Report};

use super::*;

/// Addresses of hostile clients and hosts. The last two are on the bridge's own network, like a page in a
/// browser there.
const HOSTILE: [&str; 5] = ["9.9.9.9", "8.8.4.4", "2a00::9", "10.0.0.66", "10.0.0.67"];
/// Honest hosts, which name their own address and answer calls.
const HONEST: [&str; 2] = ["8.8.8.8", "10.0.0.7"];
/// Machines that take no part, services of the bridge's host among them.
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

/// One step; the numbers choose among what exists.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A hostile client opens a tunnel and registers a nick.
    Tunnel(usize),
    Listen(usize),
    /// The client of a tunnel calls another's, and names any address.
    Call(usize, usize, Address),
    /// A hostile host without a tunnel calls, and names any address.
    HostCalls(usize, usize, Address),
    /// An honest host calls a tunnel's client.
    HonestCalls(usize, usize, usize),
    Dial(usize, Address),
    /// A tunnel dials the address of a call, once or twice.
    Answer(usize),
    /// A host, or a machine that a page lured, connects to a listener.
    Visit(usize, usize),
    /// A connection ends.
    Close(usize),
    Withdraw(usize),
    Disconnect(usize),
    Wait(u8),
}

/// An address of the pool, or a listener's.
#[derive(Clone, Copy, Debug)]
enum Address {
    Pool(usize, usize),
    Listener(usize),
}

fn address() -> impl Strategy<Value = Address> {
    prop_oneof![
        (0..20usize, 0..4usize).prop_map(|(ip, port)| Address::Pool(ip, port)),
        (0..9usize).prop_map(Address::Listener),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let n = || 0..9usize;
    prop::collection::vec(
        prop_oneof![
            2 => n().prop_map(Step::Tunnel),
            3 => n().prop_map(Step::Listen),
            5 => (n(), n(), address()).prop_map(|(from, to, at)| Step::Call(from, to, at)),
            2 => (n(), n(), address()).prop_map(|(from, to, at)| Step::HostCalls(from, to, at)),
            2 => (n(), n(), n()).prop_map(|(from, to, at)| Step::HonestCalls(from, to, at)),
            5 => n().prop_map(Step::Answer),
            8 => (n(), address()).prop_map(|(id, at)| Step::Dial(id, at)),
            3 => (n(), 0..20usize).prop_map(|(at, from)| Step::Visit(at, from)),
            1 => n().prop_map(Step::Close),
            1 => n().prop_map(Step::Withdraw),
            1 => n().prop_map(Step::Disconnect),
            1 => any::<u8>().prop_map(Step::Wait),
        ],
        1..120,
    )
}

struct World {
    bridge: Allocations,
    relay: Registry,
    /// True if the relay is in the bridge's process. One elsewhere is hostile and forwards anything.
    has_relay: bool,
    now: Duration,
    tunnels: Vec<(TunnelId, ConnId, &'static str)>,
    listeners: Vec<(SocketAddr, TunnelId)>,
    /// Live connections, with their tunnel and the host that they let it dial.
    leases: Vec<(Lease, TunnelId, Option<IpAddr>)>,
    last_conn: u64,
    /// Addresses of trustworthy X_INITs, with their tunnel and time. Each is valid once.
    vouched: Vec<(TunnelId, SocketAddr, Duration)>,
    /// The time when each listener was allocated.
    allocated: BTreeMap<SocketAddr, Duration>,
    /// The callee of the first call that named a listener in time, as the relay sees it.
    callees: BTreeMap<SocketAddr, IpAddr>,
    /// The tunnels that were called, and the addresses.
    calls: Vec<(TunnelId, SocketAddr)>,
    dials: usize,
    /// Dials that no X_INIT named.
    other_ports: usize,
    in_process: usize,
}

fn pick<T: Copy>(from: &[T], at: usize) -> Option<T> {
    (!from.is_empty()).then(|| from[at % from.len()])
}

impl World {
    fn new(has_relay: bool) -> Self {
        // The worst case is a relay that forwards any address.
        let limits = RelayLimits { any_address: true, ..RelayLimits::default() };
        Self {
            bridge: Allocations::new(AllocationLimits::default(), has_relay),
            relay: Registry::new(limits, [7; 32]),
            has_relay,
            now: NOW,
            tunnels: Vec::new(),
            listeners: Vec::new(),
            leases: Vec::new(),
            last_conn: 0,
            vouched: Vec::new(),
            allocated: BTreeMap::new(),
            callees: BTreeMap::new(),
            calls: Vec::new(),
            dials: 0,
            other_ports: 0,
            in_process: 0,
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
                    self.bridge.record_naming(*id, at, callee, self.now)
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

    fn send(&mut self, conn: ConnId, line: &str) {
        let line = format!("{line}\n");
        self.relay(Input::Received { conn, bytes: line.as_bytes() });
    }

    fn resolve(&self, address: Address) -> Option<SocketAddr> {
        match address {
            Address::Pool(ip_at, port) => {
                let pool: Vec<_> = VICTIMS.iter().chain(&HOSTILE).chain(&HONEST).collect();
                Some(SocketAddr::new(ip(pool[ip_at % pool.len()]), PORTS[port % PORTS.len()]))
            }
            Address::Listener(at) => pick(&self.listeners, at).map(|(at, _)| at),
        }
    }

    /// `caller` calls the client of a tunnel.
    fn call(&mut self, caller: ConnId, from: &str, to: usize, at: SocketAddr) {
        let Some((id, conn, _)) = pick(&self.tunnels, to) else { return };
        // A relay in the bridge's process vouches for the caller's address as it sees it; from one elsewhere
        // the bridge accepts public addresses.
        let is_vouched = match self.has_relay {
            true => at.ip() == ip(from),
            false => scope(at.ip()) == Scope::Global,
        };
        if is_vouched {
            self.vouched.push((id, at, self.now));
        }
        self.calls.push((id, at));
        if self.has_relay {
            self.send(caller, &format!("X_INIT nick{} {} {}", conn.0, at.ip(), at.port()));
        } else {
            self.bridge.record_call(id, at, self.now);
        }
    }

    fn host_calls(&mut self, from: &'static str, to: usize, at: SocketAddr) {
        let conn = self.connect(from, false);
        self.send(conn, &format!("X_NICK host{}", conn.0));
        self.call(conn, from, to, at);
        self.relay(Input::Closed { conn });
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Tunnel(at) => {
                let client = HOSTILE[at % HOSTILE.len()];
                let conn = self.connect(client, true);
                let id = self.bridge.open(ip(client), false);
                self.tunnels.push((id, conn, client));
                if self.has_relay {
                    self.send(conn, &format!("X_NICK nick{}", conn.0));
                } else {
                    self.bridge.set_nick(id, true);
                }
            }
            Step::Listen(at) => {
                let Some((id, conn, _)) = pick(&self.tunnels, at) else { return };
                let port = 50000 + self.listeners.len() as u16;
                let at = SocketAddr::new(ip(OWN), port);
                if self.bridge.allocate(id, at, self.now).is_ok() {
                    self.listeners.push((at, id));
                    self.allocated.insert(at, self.now);
                    self.relay(Input::Allocated { conn, at });
                }
            }
            Step::Call(from, to, address) => {
                let Some(((id, conn, client), at)) =
                    pick(&self.tunnels, from).zip(self.resolve(address))
                else {
                    return;
                };
                if !self.has_relay {
                    self.bridge.record_naming(id, at, None, self.now);
                } else if self.listeners.contains(&(at, id))
                    && self.now <= self.allocated[&at] + Duration::from_secs(10)
                    && let Some((_, _, called)) = pick(&self.tunnels, to)
                {
                    self.callees.entry(at).or_insert(ip(called));
                }
                self.call(conn, client, to, at);
            }
            Step::HostCalls(from, to, address) => {
                if let Some(at) = self.resolve(address) {
                    self.host_calls(HOSTILE[from % HOSTILE.len()], to, at);
                }
            }
            Step::HonestCalls(from, to, port) => {
                let from = HONEST[from % HONEST.len()];
                self.host_calls(from, to, SocketAddr::new(ip(from), PORTS[port % PORTS.len()]));
            }
            Step::Dial(from, address) => {
                let Some(((id, ..), to)) = pick(&self.tunnels, from).zip(self.resolve(address))
                else {
                    return;
                };
                self.dial(id, to);
            }
            Step::Answer(at) => {
                if let Some((id, to)) = pick(&self.calls, at) {
                    self.dial(id, to);
                }
            }
            Step::Visit(at, from) => {
                let pool: Vec<_> = VICTIMS.iter().chain(&HOSTILE).chain(&HONEST).collect();
                let from = ip(pool[from % pool.len()]);
                let Some((at, owner)) = pick(&self.listeners, at) else { return };
                // A machine of the private network that was not called may have been lured. A
                // public host gives no access that the attacker does not have already.
                let counts = scope(from) == Scope::Global
                    || self.callees.get(&at) == Some(&from)
                    || self.may_reach(owner, from);
                if let Ok(lease) = self.bridge.accept_socket(at, from, is_own(from), self.now) {
                    self.leases.push((lease, owner, counts.then_some(from)));
                }
            }
            Step::Close(at) => {
                if !self.leases.is_empty() {
                    let (lease, ..) = self.leases.swap_remove(at % self.leases.len());
                    self.bridge.closed(lease);
                }
            }
            Step::Withdraw(at) => {
                if let Some((at, _)) = pick(&self.listeners, at) {
                    self.bridge.withdraw(at);
                }
            }
            Step::Disconnect(at) => {
                if !self.tunnels.is_empty() {
                    let (id, conn, _) = self.tunnels.swap_remove(at % self.tunnels.len());
                    self.relay(Input::Closed { conn });
                    self.bridge.close(id);
                }
            }
            Step::Wait(seconds) => self.now += Duration::from_secs(u64::from(seconds) / 2),
        }
    }

    fn dial(&mut self, id: TunnelId, to: SocketAddr) {
        if let Ok((route, lease)) = self.bridge.dial(id, to, is_own(to.ip()), self.now) {
            let end = self.check_dial(id, to, route);
            self.leases.push((lease, id, end));
        }
    }

    /// Returns true if a live connection of the tunnel lets it dial that host.
    fn may_reach(&self, id: TunnelId, host: IpAddr) -> bool {
        self.leases.iter().any(|(_, of, end)| *of == id && *end == Some(host))
    }

    /// Checks the invariant. Returns the host that the connection lets its tunnel dial.
    fn check_dial(&mut self, id: TunnelId, to: SocketAddr, route: Route) -> Option<IpAddr> {
        assert!(to.port() >= 1024, "{to}");
        if route == Route::InProcess {
            self.in_process += 1;
            let (_, owner) = *self.listeners.iter().find(|(at, _)| *at == to).unwrap();
            if let Ok(lease) = self.bridge.accept_tunnel(to, id, self.now) {
                self.leases.push((lease, owner, None));
            }
            assert!(self.tunnels.iter().any(|(id, ..)| *id == owner), "its owner is gone");
            return None;
        }
        self.dials += 1;
        assert!(!is_own(to.ip()), "an address of the bridge's own host: {to}");
        let now = self.now;
        let fits = |(of, at, when): &(TunnelId, SocketAddr, Duration)| {
            *of == id && *at == to && now - *when <= Duration::from_secs(60)
        };
        match self.vouched.iter().position(fits) {
            // Exactly that address and port, once.
            Some(call) => _ = self.vouched.remove(call),
            // Any port of the peer of a session.
            None => {
                self.other_ports += 1;
                assert!(self.may_reach(id, to.ip()), "no call brought {to} to this tunnel");
            }
        }
        let client = self.tunnels.iter().find(|(own, ..)| *own == id).map(|(_, _, client)| *client);
        let client = scope(ip(client.unwrap()));
        assert!(
            [Scope::Global, client].contains(&scope(to.ip())),
            "the client itself could not reach {to}"
        );
        assert!(self.has_relay || scope(to.ip()) == Scope::Global, "{to}");
        Some(to.ip())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn colluding_clients_cannot_dial_beyond_their_calls(
        steps in steps(), has_relay: bool
    ) {
        let mut world = World::new(has_relay);
        for step in steps {
            world.step(step);
        }
    }
}

/// Without this the property would hold because nothing is ever dialled.
#[test]
fn honest_callers_are_dialled() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut dials, mut in_process, mut other_ports) = (0, 0, 0);
    for number in 0..500 {
        let mut world = World::new(number % 2 == 0);
        for step in steps().new_tree(&mut runner).unwrap().current() {
            world.step(step);
        }
        dials += world.dials;
        in_process += world.in_process;
        other_ports += world.other_ports;
    }
    assert!(dials > 100 && in_process > 100, "{dials} dials, {in_process} in-process");
    assert!(other_ports > 20 && other_ports < dials - 20, "{other_ports} of {dials} dials");
}
