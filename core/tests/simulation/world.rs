//! The network, the clock and the schedule.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use xcher_core::peer::{Action, ConnId, Input, TransferId};
use xcher_core::registry;
use xcher_core::secure::Identity;
use xcher_core::{Registry, RelayLimits};

use crate::host::{Due, Host};
use crate::net::{End, Life, Use, Wire};
use crate::places::{Places, RELAY_PORT};
use crate::punching::{Punching, Step};
use crate::totals::Totals;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weather {
    /// Deliveries in any order and any pieces only.
    Calm,
    /// Outsiders connect to listeners too, which must make no difference.
    Crowded,
    /// Cuts, refusals, liars, outsiders, a relay that restarts and users who cancel, too.
    Rough,
}

pub struct World {
    pub rng: fastrand::Rng,
    pub weather: Weather,
    pub now: Duration,
    pub places: Places,
    pub hosts: Vec<Host>,
    pub relay: Registry,
    /// No connection to the relay succeeds until then.
    pub relay_down_until: Duration,
    /// The relay drains until then.
    pub relay_stops_at: Option<Duration>,
    pub wires: Vec<Wire>,
    /// Dials that nothing answers: the host, the connection, and the time at which its system gives up.
    pub unanswered: Vec<(usize, ConnId, Duration)>,
    pub punching: Punching,
    /// The hosts that came to a rendezvous, and the addresses at which the relay saw them.
    pub met: Vec<(usize, SocketAddr)>,
    /// The last port that the bridge allocated.
    pub last_allocated: u16,
    pub last_conn: u64,
    pub totals: Totals,
    /// Addresses that attackers named, with those at which the relay saw them.
    pub attacks: Vec<(IpAddr, SocketAddr)>,
}

/// The number of a host that connects to any listener and sends anything.
pub const OUTSIDER: usize = 250;
const MAX_STEPS: u64 = 300_000;

/// One thing that can happen next.
#[derive(Clone, Copy)]
enum Choice {
    /// An established connection is reported to an end.
    Arrive(usize, usize),
    /// Bytes, or the end, reach an end.
    Deliver(usize, usize),
    Due(usize, usize),
    Send(usize, TransferId),
    User(usize),
    Punch(Step),
    /// A system gives a dial up.
    GiveUp(usize),
}

/// A relay that proves its key and gives hosts their nicks back, also after so many deaths. Each life draws other
/// tickets and invitations.
pub fn relay(deaths: u64) -> Registry {
    let identity = Identity::new([8; 32]);
    Registry::new(RelayLimits::default(), [deaths as u8; 32])
        .with_identity(identity)
        .with_port(RELAY_PORT)
}

impl World {
    pub fn new(seed: u64, weather: Weather) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let count = rng.usize(2..6);
        let mut places = Places::new(rng.bool(), &mut rng);
        let new = |index| Host::new(index, count, &mut places, &mut rng, weather);
        let hosts = (0..count).map(new).collect();
        Self {
            rng,
            weather,
            now: Duration::from_secs(1),
            places,
            hosts,
            relay: relay(0),
            relay_down_until: Duration::ZERO,
            relay_stops_at: None,
            wires: Vec::new(),
            unanswered: Vec::new(),
            punching: Punching::default(),
            met: Vec::new(),
            last_allocated: 50_000,
            last_conn: 0,
            totals: Totals::default(),
            attacks: Vec::new(),
        }
    }

    pub fn run(mut self) -> Totals {
        for host in 0..self.hosts.len() {
            self.with(host, |peer, now, actions| peer.start(now, actions));
        }
        while !self.is_over() {
            self.totals.steps += 1;
            assert!(self.totals.steps < MAX_STEPS, "stuck: {}", self.describe());
            match self.weather {
                Weather::Calm => {}
                Weather::Crowded if self.rng.u8(..) < 20 => self.outsider(),
                Weather::Crowded => {}
                Weather::Rough => self.inject_fault(),
            }
            let choices = self.choices();
            let wait = self.weather == Weather::Rough && self.rng.u16(..) < 200;
            if choices.is_empty() || wait {
                self.pass_time(choices.is_empty());
            } else {
                let choice = choices[self.rng.usize(..choices.len())];
                self.take(choice);
            }
            self.end_links();
            self.wires.retain(|wire| !wire.is_closed());
            self.check_bounds();
        }
        self.check_results();
        self.stop_all();
        self.totals
    }

    fn is_over(&self) -> bool {
        self.hosts.iter().all(|host| {
            host.user.is_done()
                && !host.peer.is_busy()
                && host.due.is_empty()
                && host.received.is_empty()
                && host.sending.is_empty()
        }) && self.wires.iter().all(|wire| wire.ends[1].host.is_none())
            && self.wires.iter().all(|wire| wire.of != Use::Rendezvous)
    }

    fn describe(&self) -> String {
        let busy: Vec<_> =
            self.hosts.iter().map(|h| (h.user.is_done(), h.peer.is_busy())).collect();
        format!("at {:?}, hosts (done, busy) {busy:?}, wires {:?}", self.now, self.wires)
    }

    fn choices(&self) -> Vec<Choice> {
        let mut choices = Vec::new();
        for (index, wire) in self.wires.iter().enumerate() {
            for side in 0..2 {
                let flow = &wire.flows[1 - side];
                let has_come = flow.ready_at <= self.now;
                match wire.life[side] {
                    // The callee opens the first stream of a link.
                    Life::Opening
                        if side == 1 && wire.is_link() && wire.life[0] == Life::Opening => {}
                    Life::Opening => choices.push(Choice::Arrive(index, side)),
                    Life::Up if wire.cut => choices.push(Choice::Deliver(index, side)),
                    Life::Up if wire.paused[side] || wire.hangs => {}
                    Life::Up if wire.is_data() && !self.is_receiving(wire.ends[side]) => {}
                    Life::Up if has_come && (!flow.bytes.is_empty() || flow.closed) => {
                        choices.push(Choice::Deliver(index, side));
                    }
                    _ => {}
                }
            }
        }
        self.punching.due(self.now, |step| choices.push(Choice::Punch(step)));
        for (index, (.., until)) in self.unanswered.iter().enumerate() {
            if *until <= self.now {
                choices.push(Choice::GiveUp(index));
            }
        }
        for (index, host) in self.hosts.iter().enumerate() {
            choices.extend((0..host.due.len()).map(|due| Choice::Due(index, due)));
            choices.extend(host.sending.keys().map(|transfer| Choice::Send(index, *transfer)));
            if self.user_has_something(index) {
                choices.push(Choice::User(index));
            }
        }
        choices
    }

    fn take(&mut self, choice: Choice) {
        match choice {
            Choice::Arrive(wire, side) => self.arrive(wire, side),
            Choice::Deliver(wire, side) => self.deliver(wire, side),
            Choice::Due(host, due) => {
                let due = self.hosts[host].due.swap_remove(due);
                self.deliver_due(host, due);
            }
            Choice::Send(host, transfer) => self.send_more(host, transfer),
            Choice::User(host) => self.user_acts(host),
            Choice::Punch(step) => self.punch_step(step),
            Choice::GiveUp(index) => {
                let (host, conn, _) = self.unanswered.swap_remove(index);
                self.hosts[host].due.push(Due::ConnectFailed(conn));
            }
        }
    }

    fn pass_time(&mut self, idle: bool) {
        let due = self.hosts.iter().filter_map(|host| host.peer.next_deadline());
        let network =
            self.unanswered.iter().map(|(.., until)| *until).chain(self.punching.next_at());
        let flows = self.wires.iter().flat_map(|wire| &wire.flows).map(|flow| flow.ready_at);
        let network = network.chain(flows.filter(|at| *at > self.now));
        let relay = self.relay.next_deadline().into_iter().chain(self.relay_stops_at);
        let due = due.chain(relay).chain(network).min();
        let step = Duration::from_millis(self.rng.u64(1..20_000));
        self.now = match due {
            Some(due) if idle => due.max(self.now),
            Some(due) => due.max(self.now).min(self.now + step),
            None => self.now + step,
        };
        assert!(self.now < Duration::from_secs(86_400), "stuck: {}", self.describe());
        for host in 0..self.hosts.len() {
            self.input(host, Input::Tick);
        }
        self.relay_input(registry::Input::Tick);
        if self.relay_stops_at.is_some_and(|at| at <= self.now) {
            self.kill_relay();
        }
    }

    // The relay.

    pub fn relay_input(&mut self, input: registry::Input<'_>) {
        let mut actions = Vec::new();
        self.relay.handle(input, self.now, &mut actions);
        for action in actions {
            match action {
                registry::Action::Write { conn, bytes } => {
                    let end = End { host: None, conn: conn.0 };
                    self.relay_writes(end, &bytes);
                    let ready_at = self.now + self.delay_of(end);
                    if let Some((flow, _)) = self.flow_from(end) {
                        flow.ready_at = ready_at;
                        flow.bytes.extend(bytes);
                    }
                }
                registry::Action::Report { .. } | registry::Action::Record { .. } => {}
                registry::Action::Subscribe(_)
                | registry::Action::Unsubscribe(_)
                | registry::Action::Request { .. }
                | registry::Action::Reply { .. }
                | registry::Action::Publish { .. } => unreachable!("no cluster"),
                registry::Action::Ask(_) => unreachable!("no hook"),
                registry::Action::Close { conn, .. } => {
                    self.close(End { host: None, conn: conn.0 });
                }
            }
        }
    }

    // Hosts.

    pub fn input(&mut self, host: usize, input: Input<'_>) {
        self.with(host, |peer, now, actions| peer.handle(input, now, actions));
    }

    pub fn with<R>(
        &mut self,
        host: usize,
        decide: impl FnOnce(&mut xcher_core::Peer, Duration, &mut Vec<Action>) -> R,
    ) -> R {
        let mut actions = Vec::new();
        let result = decide(&mut self.hosts[host].peer, self.now, &mut actions);
        for action in actions {
            self.act(host, action);
        }
        result
    }
}
