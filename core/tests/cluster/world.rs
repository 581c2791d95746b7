//! The world: relays, hosts, and what happens when.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use fastrand::Rng;
use xcher_core::registry::{Answer, ConnId, Input, RequestId, Subject};

use super::bus::{Bus, Delivery, Message};
use super::checks::Checks;
use super::host::Host;
use super::relay::Relay;

/// Time of a run in which things may break.
const ROUGH_TIME: Duration = Duration::from_secs(45);
/// Time after which everything must be in order: relays that were frozen are back, hosts have reconnected.
const QUIET_TIME: Duration = Duration::from_secs(40);

#[derive(Debug)]
pub enum Event {
    AtServer {
        relay: usize,
        link: u64,
        message: Message,
    },
    AtRelay {
        relay: usize,
        link: u64,
        delivery: Delivery,
    },
    Interest {
        server: usize,
        relay: usize,
        subject: Subject,
    },
    Sync {
        one: usize,
        other: usize,
    },
    Timeout {
        relay: usize,
        life: u64,
        request: RequestId,
    },
    Reconnect {
        relay: usize,
        life: u64,
    },
    Restart {
        relay: usize,
    },
    Stale {
        relay: usize,
        link: u64,
    },
    Thaw {
        relay: usize,
        life: u64,
    },
    BusUp,
    Weather,
    /// A host sends bytes, or closes its connection.
    Bytes {
        relay: usize,
        life: u64,
        conn: ConnId,
        bytes: Option<Vec<u8>>,
    },
    /// A host opens a rendezvous.
    Attend {
        relay: usize,
        life: u64,
        host: usize,
        conn: ConnId,
        at: SocketAddr,
        line: String,
    },
    Act {
        host: usize,
    },
    Drain {
        relay: usize,
    },
    /// Looks if a relay that drains may stop.
    Drained {
        relay: usize,
        life: u64,
    },
    /// A host moves away from a connection.
    Move {
        host: usize,
        old: (usize, u64, ConnId),
    },
    /// A host calls one that moves.
    Call {
        caller: usize,
        callee: usize,
    },
    /// A host leaves the connection that it has moved away from.
    Leave {
        host: usize,
        old: (usize, u64, ConnId),
    },
}

/// What the runs did.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    pub granted: u64,
    pub refused: u64,
    pub calls: u64,
    pub remote_calls: u64,
    pub absent: u64,
    pub unreachable: u64,
    pub lost_nicks: u64,
    pub doubles: u64,
    pub meetings: u64,
    pub pages: u64,
    pub splits: u64,
    pub kills: u64,
    pub freezes: u64,
    pub restarts: u64,
    pub drains: u64,
    pub moves: u64,
    pub refused_moves: u64,
    pub calls_to_movers: u64,
    pub late_calls: u64,
}

impl Totals {
    pub fn add(&mut self, run: &Self) {
        let sums = [
            (&mut self.granted, run.granted),
            (&mut self.refused, run.refused),
            (&mut self.calls, run.calls),
            (&mut self.remote_calls, run.remote_calls),
            (&mut self.absent, run.absent),
            (&mut self.unreachable, run.unreachable),
            (&mut self.lost_nicks, run.lost_nicks),
            (&mut self.doubles, run.doubles),
            (&mut self.meetings, run.meetings),
            (&mut self.pages, run.pages),
            (&mut self.splits, run.splits),
            (&mut self.kills, run.kills),
            (&mut self.freezes, run.freezes),
            (&mut self.restarts, run.restarts),
            (&mut self.drains, run.drains),
            (&mut self.moves, run.moves),
            (&mut self.refused_moves, run.refused_moves),
            (&mut self.calls_to_movers, run.calls_to_movers),
            (&mut self.late_calls, run.late_calls),
        ];
        for (sum, one) in sums {
            *sum += one;
        }
    }

    pub fn assert_worthwhile(&self, is_rough: bool) {
        let Self { granted, refused, calls, remote_calls, absent, meetings, pages, .. } = *self;
        let Self { drains, moves, .. } = *self;
        for count in [granted, refused, calls, remote_calls, absent, meetings, pages, drains, moves]
        {
            assert!(count > 0, "{self:?}");
        }
        let Self { unreachable, lost_nicks, doubles, splits, kills, freezes, restarts, .. } = *self;
        for count in [unreachable, lost_nicks, doubles, splits, kills, freezes, restarts] {
            assert!(!is_rough || count > 0, "{self:?}");
        }
    }
}

pub struct World {
    pub rng: Rng,
    pub now: Duration,
    pub quiet_at: Duration,
    events: BTreeMap<(Duration, u64), Event>,
    scheduled: u64,
    pub relays: Vec<Relay>,
    pub lives: u64,
    pub links: u64,
    pub bus: Bus,
    pub is_slow: bool,
    /// Since when the bus and all relays have been whole.
    pub whole_since: Option<Duration>,
    pub hosts: Vec<Host>,
    /// True once hosts do nothing on their own.
    pub is_over: bool,
    pub conns: u64,
    pub checks: Checks,
    pub totals: Totals,
}

impl World {
    pub fn new(seed: u64, is_rough: bool) -> Self {
        let rng = Rng::with_seed(seed);
        let start = Duration::from_secs(1000);
        let quiet_at = start + if is_rough { ROUGH_TIME } else { Duration::from_secs(10) };
        let mut world = Self {
            rng,
            now: start,
            quiet_at,
            events: BTreeMap::new(),
            scheduled: 0,
            relays: Vec::new(),
            lives: 0,
            links: 0,
            bus: Bus::default(),
            is_slow: false,
            whole_since: None,
            hosts: Vec::new(),
            is_over: false,
            conns: 0,
            checks: Checks::default(),
            totals: Totals::default(),
        };
        world.bus.servers = world.rng.usize(1..4);
        world.bus.interest = vec![BTreeMap::new(); world.bus.servers];
        for at in 0..world.rng.usize(3..10) {
            let relay = world.new_relay();
            world.relays.push(relay);
            world.connect_bus(at);
        }
        for number in 0..world.rng.usize(4..12) {
            world.hosts.push(Host::new(number));
            let at = world.now + Duration::from_millis(world.rng.u64(0..3000));
            world.schedule(at, Event::Act { host: number });
        }
        for _ in 0..world.rng.u32(0..3) {
            let relay = world.rng.usize(0..world.relays.len());
            let at = world.now + Duration::from_millis(world.rng.u64(1000..6000));
            world.schedule(at, Event::Drain { relay });
        }
        world.note_weather();
        if is_rough {
            world.schedule(world.now, Event::Weather);
        }
        world
    }

    pub fn schedule(&mut self, at: Duration, event: Event) {
        self.scheduled += 1;
        self.events.insert((at.max(self.now), self.scheduled), event);
    }

    pub fn run(mut self) -> Totals {
        self.run_until(self.quiet_at);
        if self.whole_since.is_none() || self.totals.splits > 0 {
            self.run_until(self.quiet_at + QUIET_TIME);
        }
        self.check_end();
        self.totals
    }

    /// Lets things happen until then.
    pub fn run_until(&mut self, end: Duration) {
        loop {
            let tick = (0..self.relays.len())
                .filter(|relay| self.relays[*relay].is_alive && !self.is_frozen(*relay))
                .filter_map(|relay| Some((self.relays[relay].registry.next_deadline()?, relay)))
                .min();
            let event = self.events.first_key_value().map(|((at, _), _)| *at);
            let tick_at = tick.map(|(at, _)| at.max(self.now));
            match (tick, event) {
                (Some((_, relay)), event)
                    if tick_at <= Some(end) && event.is_none_or(|at| tick_at <= Some(at)) =>
                {
                    self.now = tick_at.unwrap();
                    self.input(relay, Input::Tick);
                }
                (_, Some(at)) if at <= end => {
                    self.now = at;
                    let (_, event) = self.events.pop_first().unwrap();
                    self.happen(event);
                }
                _ => break,
            }
            if self.checks.is_due(self.now) {
                self.check_doubles();
            }
        }
        self.now = end;
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::AtServer { relay, link, message } => {
                if self.relays[relay].link == Some(link) && !self.bus.is_down {
                    self.at_server(relay, message);
                }
            }
            Event::AtRelay { relay, link, delivery } => {
                if self.relays[relay].link != Some(link) {
                } else if let Some(at) = self.thaws_at(relay) {
                    self.schedule(at, Event::AtRelay { relay, link, delivery });
                } else {
                    self.at_relay(relay, delivery);
                }
            }
            Event::Interest { server, relay, subject } => self.learn(server, relay, &subject),
            Event::Sync { one, other } => self.sync(one, other),
            Event::Timeout { relay, life, request } => {
                if self.relays[relay].life != life || !self.relays[relay].is_alive {
                } else if let Some(at) = self.thaws_at(relay) {
                    self.schedule(at, Event::Timeout { relay, life, request });
                } else {
                    self.answer(relay, request, Answer::Failed);
                }
            }
            Event::Reconnect { relay, life } => {
                if self.relays[relay].life == life {
                    if let Some(at) = self.thaws_at(relay) {
                        self.schedule(at, Event::Reconnect { relay, life });
                    } else if self.bus.is_down {
                        let at = self.now + Duration::from_secs(1);
                        self.schedule(at, Event::Reconnect { relay, life });
                    } else {
                        self.connect_bus(relay);
                    }
                }
            }
            Event::Restart { relay } => self.restart(relay),
            Event::Stale { relay, link } => {
                if self.relays[relay].link == Some(link) && self.is_frozen(relay) {
                    self.drop_link(relay);
                }
            }
            Event::Thaw { relay, life } => {
                if self.relays[relay].life == life && !self.is_frozen(relay) {
                    self.relays[relay].frozen_until = None;
                    if self.relays[relay].link.is_none() && self.relays[relay].is_alive {
                        self.lose_bus(relay);
                    }
                }
            }
            Event::BusUp => {
                self.bus.is_down = false;
                self.bus.interest.iter_mut().for_each(BTreeMap::clear);
            }
            Event::Weather => self.change_weather(),
            Event::Bytes { relay, life, conn, bytes } => {
                if self.relays[relay].life != life || !self.relays[relay].is_alive {
                } else if let Some(at) = self.thaws_at(relay) {
                    self.schedule(at, Event::Bytes { relay, life, conn, bytes });
                } else {
                    match bytes {
                        Some(bytes) => {
                            if bytes.starts_with(b"X_NICK ") {
                                self.note_stamp((relay, life, conn));
                            }
                            self.input(relay, Input::Received { conn, bytes: &bytes });
                        }
                        None => {
                            self.relays[relay].conns.remove(&conn);
                            self.input(relay, Input::Closed { conn });
                        }
                    }
                }
            }
            Event::Attend { relay, life, host, conn, at, line } => {
                if self.relays[relay].life == life
                    && self.relays[relay].is_alive
                    && !self.is_frozen(relay)
                {
                    self.relays[relay].conns.insert(conn, host);
                    self.input(relay, Input::Connected { conn, from: at });
                    self.input(relay, Input::Received { conn, bytes: line.as_bytes() });
                }
            }
            Event::Act { host } => self.act(host),
            Event::Drain { relay } => {
                if self.is_open(relay) {
                    self.drain(relay);
                }
            }
            Event::Drained { relay, life } => self.stop_if_drained(relay, life),
            Event::Move { host, old } => self.move_host(host, old),
            Event::Call { caller, callee } => self.call_mover(caller, callee),
            Event::Leave { host, old } => self.leave_old(host, old),
        }
        self.plan_thaws();
        self.note_weather();
    }

    fn thaws_at(&self, relay: usize) -> Option<Duration> {
        self.relays[relay].frozen_until.filter(|until| *until > self.now)
    }

    fn plan_thaws(&mut self) {
        for relay in 0..self.relays.len() {
            let (until, life) = (self.relays[relay].frozen_until, self.relays[relay].life);
            if let Some(until) = until.filter(|until| *until > self.now)
                && self.checks.thaws.insert((life, until))
            {
                self.schedule(until, Event::Thaw { relay, life });
            }
        }
    }
}
