//! Checks which way each call took, when, and to whom.

use std::time::Duration;

use xcher_core::peer::{Event, Path, Security};

use crate::net::Wire;
use crate::user::Book;
use crate::ways::Way;
use crate::world::{Weather, World};

/// Time within which each call is open or has failed: the connect timeout, and the negotiation's.
const CALL_TIMEOUT: Duration = Duration::from_secs(63);
/// Time after which a caller asks for hole punching, and the most that it then takes on this network.
const PUNCH_TIMES: [Duration; 2] = [Duration::from_millis(500), Duration::from_millis(450)];
/// Time after which a caller uses the bridge.
const BRIDGE_TIME: Duration = Duration::from_secs(1);
/// Calls to one host for which neither the relay nor that host refuses any hole punching: it backs off from an
/// address that it dialled four times in vain, whoever calls then.
const MAX_CALLS: usize = 3;

impl World {
    /// Records the beginning or end of a call.
    pub(crate) fn record(&mut self, host: usize, event: &Event) {
        let (Event::Opened { session, .. } | Event::OpenFailed { session, .. }) = event else {
            return;
        };
        let now = self.now;
        let Some(book) = self.hosts[host].user.sessions.get_mut(session) else { return };
        let took = now - book.called_at;
        assert!(book.open || took <= CALL_TIMEOUT, "a call took {took:?}");
        if let Event::Opened { path, peer, security, .. } = event {
            book.took = Some(took);
            book.path = Some(*path);
            let with = book.with;
            let is_other = |wire: &Wire| {
                (0..2).any(|side| {
                    let own = wire.ends[side].host == Some(host) && wire.views[side].1 == *peer;
                    own && wire.ends[1 - side].host == Some(with)
                })
            };
            let is_sure = matches!(security, Security::Encrypted { .. });
            if is_sure || self.weather == Weather::Calm {
                assert!(self.wires.iter().any(is_other), "a session with another host");
            }
        }
    }

    /// Checks the way of each call of a run without faults.
    pub(crate) fn check_paths(&mut self) {
        let mut calls = vec![0; self.hosts.len()];
        for book in self.hosts.iter().flat_map(|host| host.user.sessions.values()) {
            calls[book.with] += 1;
        }
        let mut inits = vec![0; self.hosts.len()];
        for caller in 0..self.hosts.len() {
            for book in self.hosts[caller].user.sessions.values() {
                let ways = self.ways(caller, book.with);
                let has_bridge = self.hosts[caller].has_bridge;
                let used_bridge = book.path == Some(Path::Bridge) || !book.open && has_bridge;
                inits[book.with] += 1 + usize::from(used_bridge);
                for way in &ways {
                    self.totals.ways[*way as usize] += 1;
                }
                // Of two calls to one host, what is left of the second may add to the first.
                let all = self.hosts[caller].user.sessions.values();
                let is_only = all.filter(|other| other.with == book.with).count() == 1;
                if is_only && calls[caller].max(calls[book.with]) <= MAX_CALLS {
                    // Anyone can open a session with a caller without tickets, until the callee comes.
                    let has_tickets = !self.hosts[caller].is_base && !self.hosts[book.with].is_base;
                    let is_sure = self.weather == Weather::Calm || has_tickets;
                    check_way(self.weather, book, &ways, is_sure);
                    self.totals.checked += 1;
                } else if !ways.contains(&Way::None) && (has_bridge || ways == [Way::Own]) {
                    check_open(book);
                }
            }
        }
        for (host, inits) in inits.into_iter().enumerate().filter(|_| self.weather == Weather::Calm)
        {
            let host = &self.hosts[host];
            assert!(!host.is_base || host.inits == inits, "{} X_INITs for {inits}", host.inits);
        }
    }
}

fn check_open(book: &Book) {
    assert!(book.open, "a call failed without cuts");
    assert!(book.list_ended && book.left, "a session did not end with its caller");
    assert!(book.checks.values().all(Option::is_some));
}

fn check_way(weather: Weather, book: &Book, ways: &[Way], is_sure: bool) {
    if !ways.contains(&Way::None) {
        check_open(book);
    } else if ways == [Way::None] {
        assert!(!book.open || !is_sure, "a call without a way opened");
    }
    let Some(took) = book.took.filter(|_| weather == Weather::Calm) else { return };
    let (path, near) = (book.path.unwrap(), book.near);
    let is_it = |way: &&Way| way.path() == Some(path) && (**way == Way::Near) == near;
    let way = ways.iter().find(is_it);
    let most = match way {
        None => panic!("{path:?} (near: {near}) in place of {ways:?}"),
        Some(Way::Own | Way::Near | Way::None) => Duration::ZERO,
        // After the packets did not cross, those of later tries may.
        Some(Way::Punched) if ways.len() > 1 => CALL_TIMEOUT,
        Some(Way::Punched) => PUNCH_TIMES.iter().sum(),
        Some(Way::Bridge) => BRIDGE_TIME,
    };
    assert!(took <= most, "it took {took:?} by {way:?}");
}
