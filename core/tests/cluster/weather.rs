//! What happens to the bus and the relays.

use std::time::Duration;

use super::relay::STALE;
use super::world::{Event, World};

impl World {
    /// Does something to the bus or a relay, and plans the next.
    pub fn change_weather(&mut self) {
        if self.now >= self.quiet_at {
            return self.calm_down();
        }
        let next = self.now + Duration::from_millis(self.rng.u64(100..9000));
        self.schedule(next.min(self.quiet_at), Event::Weather);
        // What breaks now is reported at once.
        self.whole_since = None;
        let relay = self.rng.usize(0..self.relays.len());
        let servers = self.bus.servers;
        let pair = || (0..servers).flat_map(|a| (a + 1..servers).map(move |b| (a, b)));
        match self.rng.u32(0..11) {
            0 | 1 if servers > 1 => {
                let all: Vec<_> = pair().collect();
                let (one, other) = all[self.rng.usize(0..all.len())];
                self.bus.split.insert((one, other));
                self.totals.splits += 1;
                // The servers notice in a while.
                let at = self.now + Duration::from_millis(self.rng.u64(0..4000));
                self.schedule(at, Event::Sync { one, other });
            }
            2 => self.heal(),
            3 => self.bus.loss = [0, 5, 30][self.rng.usize(0..3)],
            4 if self.relays[relay].is_alive && self.relays[relay].link.is_some() => {
                self.lose_bus(relay);
            }
            5 if !self.bus.is_down => {
                self.bus.is_down = true;
                self.totals.restarts += 1;
                for relay in 0..self.relays.len() {
                    if self.relays[relay].is_alive && !self.is_frozen(relay) {
                        self.lose_bus(relay);
                    } else {
                        self.drop_link(relay);
                    }
                }
                let at = self.now + Duration::from_millis(self.rng.u64(50..8000));
                self.schedule(at, Event::BusUp);
            }
            6 if self.relays[relay].is_alive && !self.is_frozen(relay) => {
                self.kill(relay);
                let at = self.now + Duration::from_millis(self.rng.u64(50..9000));
                self.schedule(at, Event::Restart { relay });
            }
            7 if self.relays[relay].is_alive && !self.is_frozen(relay) => {
                let time = Duration::from_millis(self.rng.u64(100..20_000));
                self.relays[relay].frozen_until = Some(self.now + time);
                self.totals.freezes += 1;
                if let Some(link) = self.relays[relay].link {
                    self.schedule(self.now + STALE, Event::Stale { relay, link });
                }
            }
            8 if self.is_open(relay) => self.drain(relay),
            _ => self.is_slow = self.rng.bool(),
        }
        self.note_weather();
    }

    fn heal(&mut self) {
        for (one, other) in std::mem::take(&mut self.bus.split) {
            let at = self.now + Duration::from_millis(self.rng.u64(0..300));
            self.schedule(at, Event::Sync { one, other });
        }
    }

    /// Ends all faults.
    fn calm_down(&mut self) {
        self.heal();
        self.bus.loss = 0;
        self.is_slow = false;
        for relay in 0..self.relays.len() {
            self.restart(relay);
        }
        self.note_weather();
    }

    /// Records since when the bus has been whole.
    pub fn note_weather(&mut self) {
        let is_linked = |relay: usize| {
            let of = &self.relays[relay];
            of.is_alive && of.link.is_some() && of.is_told && !self.is_frozen(relay)
        };
        let is_whole = self.bus.is_whole() && (0..self.relays.len()).all(is_linked);
        match is_whole {
            false => self.whole_since = None,
            true if self.whole_since.is_none() => {
                // What servers and relays still have to tell each other takes a moment.
                self.whole_since = Some(self.now + Duration::from_millis(700));
            }
            true => {}
        }
    }
}
