//! The relay's leases on its hosts' nicks, and their renewals, which find nicks that two hosts have (section
//! 23.3).

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;

use super::answer::parse_verdict;
use super::message::Claim;
use super::requests::Purpose;
use super::{Answer, REQUEST_TIMEOUT, subjects};
use crate::registry::{Action, CloseReason, ConnId, Registry};

/// Time between renewals of a nick when nothing has happened.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(600);
/// Times from one renewal to the next after something has happened. The first finds what was given while
/// subscriptions spread; the last comes a heartbeat after the first, so that a split between them is either over
/// by then or longer than a heartbeat, and one that is missed tells of it.
const RECHECKS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];
const _: () = assert!(
    RECHECKS[0].as_millis() + RECHECKS[1].as_millis()
        == super::members::HEARTBEAT_INTERVAL.as_millis()
);
/// Time from a claim without an answer to the next. With the time for that answer it is shorter than a heartbeat.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Renewals at once after a YES, before the next waits for a heartbeat.
const MAX_REPEATS: u32 = 8;
/// Renewals under way at once.
const MAX_RENEWALS: usize = 512;

/// How a nick was given to a host.
#[derive(Clone, Copy)]
pub(in crate::registry) struct Grant {
    /// Milliseconds of Unix time at which the host asked for the nick.
    pub(super) stamp: u64,
    pub(super) at: Duration,
    /// True if another relay answered YES.
    pub(super) has_yes: bool,
    /// True if a claim had no answer.
    pub(super) has_failed: bool,
}

/// A relay's lease on the nick of one of its hosts.
pub(in crate::registry) struct Lease {
    /// Milliseconds of Unix time at which the host asked for the nick.
    pub(super) stamp: u64,
    /// Time at which it was taken, or found doubtful: if messages were lost since then, so may be the claims that
    /// would have shown another holder.
    doubtful: Duration,
    /// Time of the next renewal.
    due: Duration,
    /// The time of [`RECHECKS`] that follows the next renewal.
    recheck: usize,
    /// Renewals in a row after a YES. It came from a relay that gave the nick up, or has none alike any more, and
    /// only the first reply counts: that of a third relay may be NO.
    repeats: u32,
    renewal: Option<Renewal>,
}

/// A renewal under way.
struct Renewal {
    number: u64,
    unanswered: usize,
    has_failed: bool,
    /// True if a relay answered YES.
    has_yes: bool,
}

/// All leases that wait for their renewal.
#[derive(Default)]
pub(super) struct Leases {
    /// Of those that are due at one time, the youngest are first: they are the likelier to be somebody else's.
    due: BTreeSet<(Duration, Reverse<ConnId>)>,
    under_way: usize,
}

impl Leases {
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let may_begin = self.under_way < MAX_RENEWALS;
        self.due.first().map(|(at, _)| *at).filter(|_| may_begin)
    }

    /// Removes the lease of a closed connection.
    pub(super) fn remove(&mut self, conn: ConnId, lease: &Lease) {
        match &lease.renewal {
            Some(_) => self.under_way -= 1,
            None => _ = self.due.remove(&(lease.due, Reverse(conn))),
        }
    }

    /// Returns the number of leases.
    pub(super) fn len(&self) -> usize {
        self.due.len() + self.under_way
    }

    /// Makes the next renewal of a lease due then, unless one is under way.
    fn schedule(&mut self, conn: ConnId, lease: &mut Lease, at: Duration) {
        if lease.renewal.is_none() {
            self.due.remove(&(lease.due, Reverse(conn)));
            lease.due = at;
            self.due.insert((at, Reverse(conn)));
        }
    }
}

impl Registry {
    /// Takes the lease on a nick that a host was given. It is renewed soon: where subscriptions spread slowly,
    /// two relays may have given it.
    pub(in crate::registry) fn take_lease(&mut self, conn: ConnId, grant: Grant) {
        let Grant { stamp, at: now, has_yes, has_failed } = grant;
        let (Some(cluster), Some(client)) = (&mut self.cluster, self.clients.get_mut(&conn)) else {
            return;
        };
        let (wait, recheck) = match (has_yes, has_failed) {
            (true, _) => (Duration::ZERO, 0),
            (false, true) => (RETRY_INTERVAL, 0),
            (false, false) => (RECHECKS[0], 1),
        };
        let due = now.saturating_add(wait);
        let lease = Lease { stamp, doubtful: now, due, recheck, repeats: 0, renewal: None };
        cluster.leases.due.insert((due, Reverse(conn)));
        client.lease = Some(lease);
    }

    /// Makes the renewal of all leases due.
    pub(super) fn renew_all(&mut self, now: Duration) {
        self.renew_since(Duration::ZERO, now);
    }

    /// Makes the renewal of the leases due that were taken or found doubtful since then.
    pub(super) fn renew_since(&mut self, since: Duration, now: Duration) {
        let Some(cluster) = &mut self.cluster else { return };
        for (conn, client) in &mut self.clients {
            if let Some(lease) = client.lease.as_mut().filter(|lease| lease.doubtful >= since) {
                lease.doubtful = now;
                lease.recheck = 0;
                cluster.leases.schedule(*conn, lease, now);
            }
        }
    }

    /// Makes the renewal of a lease due.
    pub(super) fn renew_soon(&mut self, conn: ConnId, now: Duration) {
        let (Some(cluster), Some(client)) = (&mut self.cluster, self.clients.get_mut(&conn)) else {
            return;
        };
        if let Some(lease) = &mut client.lease {
            lease.recheck = 0;
            cluster.leases.schedule(conn, lease, now);
        }
    }

    /// Begins the renewals that are due, as many as may be under way.
    pub(super) fn renew_due(&mut self, now: Duration, actions: &mut Vec<Action>) {
        while let Some(cluster) = &mut self.cluster
            && cluster.is_connected
            && cluster.leases.next_deadline().is_some_and(|at| at <= now)
            && let Some((_, Reverse(conn))) = cluster.leases.due.pop_first()
        {
            let Some(client) = self.clients.get_mut(&conn) else { continue };
            let (Some(nick), Some(lease)) = (&client.nick, &mut client.lease) else { continue };
            let (subjects, number) = (subjects(nick), cluster.requests.number());
            let unanswered = subjects.len();
            lease.renewal = Some(Renewal { number, unanswered, has_failed: false, has_yes: false });
            cluster.leases.under_way += 1;
            let (relay, stamp) = (cluster.config.relay, lease.stamp);
            let (key, nick) = (client.key_proof.proved(), nick.clone());
            let bytes = Claim { relay, stamp, is_held: true, key, nick }.encode();
            for subject in subjects {
                let purpose = Purpose::Renewal { conn, number };
                self.request((subject, bytes.clone()), REQUEST_TIMEOUT, purpose, actions);
            }
        }
    }

    /// Processes the answer to one of a renewal's requests. One NO takes the nick from its host.
    pub(super) fn renewal_answered(
        &mut self,
        (conn, number): (ConnId, u64),
        answer: Answer<'_>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let (Some(cluster), Some(client)) = (&mut self.cluster, self.clients.get_mut(&conn)) else {
            return;
        };
        let Some(lease) = &mut client.lease else { return };
        let renewal = lease.renewal.as_mut().filter(|renewal| renewal.number == number);
        let Some(renewal) = renewal else { return };
        let verdict = match answer {
            Answer::Nobody => Some(true),
            Answer::Reply(bytes) => parse_verdict(bytes),
            Answer::Failed => None,
        };
        renewal.unanswered -= 1;
        renewal.has_failed |= verdict.is_none();
        renewal.has_yes |= verdict == Some(true) && answer != Answer::Nobody;
        if verdict == Some(false) {
            self.lose_nick(conn, actions);
        } else if renewal.unanswered == 0 {
            lease.repeats = if renewal.has_yes { lease.repeats.saturating_add(1) } else { 0 };
            let wait = if (1..=MAX_REPEATS).contains(&lease.repeats) {
                Duration::ZERO
            } else if renewal.has_failed {
                RETRY_INTERVAL
            } else if let Some(wait) = RECHECKS.get(lease.recheck) {
                lease.recheck += 1;
                *wait
            } else {
                RENEWAL_INTERVAL
            };
            lease.renewal = None;
            cluster.leases.under_way -= 1;
            cluster.leases.schedule(conn, lease, now.saturating_add(wait));
        }
        self.renew_due(now, actions);
    }

    /// Closes the connection of a host whose nick another host has.
    pub(super) fn lose_nick(&mut self, conn: ConnId, actions: &mut Vec<Action>) {
        let Some(nick) = self.nick(conn) else { return };
        let reason = format!(
            "your nick is another host's in this network, which had it first: {nick}; choose another one, or \
             try again later"
        );
        self.error(conn, "-", reason, actions);
        self.close(conn, CloseReason::NickLost, actions);
    }
}
