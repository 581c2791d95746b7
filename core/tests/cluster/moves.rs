//! Relays that drain, and hosts that move to another (section 5.9).

use std::time::Duration;

use xcher_core::registry::{ConnId, Input};

use super::host::Ears;
use super::names::{group, is_code, names};
use super::prover::Prover;
use super::world::{Event, World};

/// A host's next connection.
pub struct Next {
    pub conn: (usize, u64, ConnId),
    prover: Prover,
    ears: Ears,
    stamp: Duration,
    /// True once it has the nick there.
    pub is_ready: bool,
    /// True once that relay drains, too.
    must_move: bool,
}

impl World {
    /// Makes a relay drain. It stops within a few seconds, and its successor takes its place.
    pub fn drain(&mut self, relay: usize) {
        let within = Duration::from_millis(self.rng.u64(500..6000));
        self.relays[relay].drains_until = Some(self.now + within);
        self.totals.drains += 1;
        let life = self.relays[relay].life;
        self.schedule(self.now, Event::Drained { relay, life });
        self.input(relay, Input::Drain { within });
    }

    /// Stops a relay once it is drained.
    pub fn stop_if_drained(&mut self, relay: usize, life: u64) {
        let of = &self.relays[relay];
        let Some(until) = of.drains_until.filter(|_| of.life == life && of.is_alive) else {
            return;
        };
        if self.is_frozen(relay) || !of.registry.is_drained(self.now) && self.now < until {
            let again = self.now + Duration::from_millis(100);
            return self.schedule(again, Event::Drained { relay, life });
        }
        self.stop(relay);
    }

    pub fn stop(&mut self, relay: usize) {
        self.input(relay, Input::Stop);
        self.drop_link(relay);
        self.relays[relay] = self.new_relay();
        let life = self.relays[relay].life;
        self.schedule(self.now, Event::Reconnect { relay, life });
        // Calls to hosts that could not move are lost.
        self.whole_since = None;
    }

    /// A host was asked to move: it opens its next connection, or tries again in a while.
    pub fn move_host(&mut self, host: usize, old: (usize, u64, ConnId)) {
        if self.hosts[host].conn != Some(old) || self.hosts[host].next.is_some() {
            return;
        }
        let relay = self.rng.usize(0..self.relays.len());
        if !self.is_open(relay) {
            let again = self.now + Duration::from_millis(300);
            return self.schedule(again, Event::Move { host, old });
        }
        let (prover, first) = Prover::new(self.hosts[host].key.unwrap(), self.seed());
        let conn = self.open(host, relay, 5000);
        let conn = (relay, self.relays[relay].life, conn);
        let (ears, stamp) = (Ears::default(), Duration::ZERO);
        self.hosts[host].next =
            Some(Next { conn, prover, ears, stamp, is_ready: false, must_move: false });
        self.say_on(conn, &format!("X_CAPS from key ticket meet move\n{first}"));
        // Others call it just then.
        for _ in 0..8 {
            let caller = self.rng.usize(0..self.hosts.len());
            let at = self.now + Duration::from_micros(self.rng.u64(0..20_000));
            self.schedule(at, Event::Call { caller, callee: host });
        }
    }

    pub fn call_mover(&mut self, caller: usize, callee: usize) {
        let Some(nick) = self.hosts[callee].nick.clone() else { return };
        if !self.is_over && self.hosts[caller].nick.is_some() && !self.hosts[caller].is_busy() {
            self.totals.calls_to_movers += 1;
            self.call(caller, &nick);
        }
    }

    pub fn note_next_stamp(&mut self, host: usize, claim: (usize, u64, ConnId), stamp: Duration) {
        let next = self.hosts[host].next.as_mut().filter(|next| next.conn == claim);
        if let Some(next) = next {
            next.stamp = stamp;
        }
    }

    /// Handles a line that came on the next connection.
    pub fn next_line(&mut self, host: usize, line: &str) {
        let (nick, stamp) = (self.hosts[host].nick.clone(), self.hosts[host].stamp);
        let Some(next) = &mut self.hosts[host].next else { return };
        let (conn, is_ready) = (next.conn, next.is_ready);
        let fields: Vec<&str> = line.trim_end().split(' ').collect();
        match fields[..] {
            // It does not accept an invitation in the middle of a move.
            ["X_CAPS", ..] | ["X_MEET", ..] | ["X_END"] | ["X_ERR", "-", ..] => {}
            ["X_PING", token] => self.say_on(conn, &format!("X_PONG {token}\n")),
            ["X_MOVE", _] => next.must_move = true,
            ["X_KEY", ..] => {
                let proof = next.prover.hear(line);
                let nick = nick.expect("a host with a nick moves");
                self.say_on(conn, &proof);
                self.say_on(conn, &format!("X_NICK {nick}\n"));
            }
            ["X_NICK", _, "YES"] => {
                next.is_ready = true;
                // The stamp of the old connection may be ahead, by a clock that is wrong.
                let grant = (self.now, next.stamp, host);
                next.stamp = next.stamp.max(stamp + Duration::from_millis(1));
                self.checks.holders.entry(group(&nick.unwrap())).or_default().push(grant);
                self.totals.moves += 1;
                self.complete_move(host);
            }
            // Its address has no allowance left for the nick of a code: it stays, and tries again.
            ["X_ERR", "X_NICK", ..] if nick.as_deref().is_some_and(is_code) => {
                self.hosts[host].next = None;
                let (relay, life, id) = conn;
                self.relays[relay].conns.remove(&id);
                self.schedule(self.now, Event::Bytes { relay, life, conn: id, bytes: None });
                if let Some(old) = self.hosts[host].conn {
                    self.schedule(self.now + Duration::from_secs(1), Event::Move { host, old });
                }
            }
            // Another host asks for the nick there just now: it leaves both, and is offline for a while.
            ["X_NICK", _, "NO"] => {
                self.totals.refused_moves += 1;
                self.leave(host, true);
                let again = self.now + Duration::from_secs(1);
                self.schedule(again, Event::Act { host });
            }
            ["X_FROM" | "X_TICKET" | "X_INIT", ..] if is_ready => {
                self.swap_ears(host);
                self.call_line(host, &fields, line);
                self.swap_ears(host);
            }
            _ => panic!("{line} on the next connection of {host}"),
        }
    }

    fn swap_ears(&mut self, host: usize) {
        let host = &mut self.hosts[host];
        if let Some(next) = &mut host.next {
            std::mem::swap(&mut next.ears, &mut host.ears);
        }
    }

    /// Ends a move once all questions on the old connection are answered.
    pub fn complete_move(&mut self, host: usize) {
        let of = &mut self.hosts[host];
        if !of.awaited.is_empty() || !of.next.as_ref().is_some_and(|next| next.is_ready) {
            return;
        }
        let (Some(next), Some(old)) = (of.next.take(), of.conn) else { return };
        (of.conn, of.stamp) = (Some(next.conn), next.stamp);
        of.left.push((old, std::mem::replace(&mut of.ears, next.ears)));
        // The way to a relay and back.
        let at = self.now + Duration::from_millis(self.rng.u64(8..50));
        self.schedule(at, Event::Leave { host, old });
        if next.must_move {
            self.schedule(self.now, Event::Move { host, old: next.conn });
        }
    }

    /// The X_END of a host that has moved reaches its old relay.
    pub fn leave_old(&mut self, host: usize, old: (usize, u64, ConnId)) {
        self.hosts[host].left.retain(|(conn, _)| *conn != old);
        let (relay, life, conn) = old;
        if self.relays[relay].life == life {
            self.relays[relay].conns.remove(&conn);
            let bytes = Some(b"X_END\n".to_vec());
            self.schedule(self.now, Event::Bytes { relay, life, conn, bytes });
        }
    }

    /// Handles a line on a connection that its host is about to leave: calls come there, too.
    pub fn left_line(&mut self, host: usize, at: usize, line: &str) {
        let fields: Vec<&str> = line.trim_end().split(' ').collect();
        if let ["X_FROM" | "X_TICKET" | "X_INIT", ..] = fields[..] {
            let of = &mut self.hosts[host];
            std::mem::swap(&mut of.left[at].1, &mut of.ears);
            self.totals.late_calls += u64::from(fields[0] == "X_INIT");
            self.call_line(host, &fields, line);
            let of = &mut self.hosts[host];
            std::mem::swap(&mut of.left[at].1, &mut of.ears);
        }
    }

    /// Checks that no host that has had a nick for a while is said to be absent.
    pub fn check_absent(&self, nick: &str, asked: Duration) {
        let while_after = |since: Duration| asked > since + Duration::from_secs(1);
        // A relay may be asked before all know that the nick has come there.
        if self.is_slow || !self.whole_since.is_some_and(while_after) {
            return;
        }
        for (number, host) in self.hosts.iter().enumerate() {
            let is_called = host.nick.as_deref().is_some_and(|own| names(nick, own));
            let is_there = is_called && host.nick_since.is_some_and(while_after);
            // Or two have it, or nicks alike.
            let is_there = is_there && !self.checks.has_other(number, nick, self.now);
            assert!(!is_there, "{nick} is absent, though host {number} has it");
        }
    }
}
