//! The relay is about to stop: it asks its hosts to connect anew, where they can (section 5.9).
//!
//! Hosts are asked one after the other, so that they do not all come to the next relay at once.

use alloc::vec::Vec;
use core::ops::Bound;
use core::time::Duration;

use super::{Action, ConnId, Registry};
use crate::RelayPacket;
use crate::relay_caps::RelayCaps;

/// Time between two rounds in which hosts are asked.
const ROUND: Duration = Duration::from_millis(50);
/// Hosts asked in a round: 500 a second.
const HOSTS_A_ROUND: usize = 25;
/// Time for hosts that were asked to leave. Those that are still here have tried three times by then, and will come
/// back when this relay ends.
const MOVE_TIMEOUT: Duration = Duration::from_secs(5);

/// A relay that is about to stop.
pub(super) struct Drain {
    began: Duration,
    stops_at: Duration,
    /// Time of the next round.
    next: Duration,
    /// The connection looked at last in this pass over all of them.
    after: Option<ConnId>,
    /// Time at which the last host was asked.
    asked: Duration,
    /// Set once a pass has found nobody to ask.
    is_all_asked: bool,
}

impl Drain {
    pub(super) fn next_deadline(&self) -> Duration {
        self.next
    }
}

impl Registry {
    /// Begins to drain: the driver accepts no more connections. A second call has no effect.
    pub(super) fn begin_drain(
        &mut self,
        within: Duration,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        if self.drain.is_some() {
            return;
        }
        let stops_at = now.saturating_add(within);
        let (after, asked, is_all_asked) = (None, now, false);
        let drain = Drain { began: now, stops_at, next: now, after, asked, is_all_asked };
        self.drain = Some(drain);
        self.ask_to_move(now, actions);
    }

    /// Returns true once a relay that drains has nothing to wait for: no host that was asked to move is left, or
    /// those that are left could not.
    pub fn is_drained(&self, now: Duration) -> bool {
        let Some(drain) = &self.drain else { return false };
        let is_waiting = self.clients.values().any(|client| client.asked_to_move);
        let waited = now.saturating_sub(drain.asked) >= MOVE_TIMEOUT;
        now >= drain.stops_at || drain.is_all_asked && (!is_waiting || waited)
    }

    /// Asks the next hosts, if it is time to.
    pub(super) fn ask_to_move(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let Some(drain) = &mut self.drain else { return };
        if drain.next > now {
            return;
        }
        let from = drain.after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut asked = Vec::new();
        drain.after = None;
        // All are asked within the first half of the time, however many there are.
        let half = (drain.stops_at.saturating_sub(drain.began) / 2).max(ROUND);
        let rounds = usize::try_from(half.as_millis() / ROUND.as_millis()).unwrap_or(usize::MAX);
        let most = HOSTS_A_ROUND.max(self.clients.len().div_ceil(rounds));
        for (conn, client) in self.clients.range_mut((from, Bound::Unbounded)) {
            if client.nick.is_none() || client.asked_to_move || !client.supports(RelayCaps::MOVE) {
                continue;
            }
            client.asked_to_move = true;
            asked.push(*conn);
            if asked.len() >= most {
                drain.after = Some(*conn);
                break;
            }
        }
        if !asked.is_empty() {
            drain.asked = now;
        }
        drain.is_all_asked = drain.after.is_none();
        // After a whole pass, it looks for hosts that were still logging in.
        drain.next = now.saturating_add(if drain.is_all_asked { 20 * ROUND } else { ROUND });
        let left = drain.stops_at.saturating_sub(now);
        for conn in asked {
            self.write(conn, &RelayPacket::Move { seconds: left.as_secs() }, actions);
        }
    }
}
