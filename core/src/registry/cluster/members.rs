//! The relays of the cluster, as their heartbeats tell (section 23.6).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use super::message::Notice;
use super::{RelayId, Subject};
use crate::registry::{Action, Registry};
use crate::secure::PublicKey;

/// Time between heartbeats.
pub(super) const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(4);
/// Time after which a relay that is not heard counts as gone.
const MEMBER_TIMEOUT: Duration = Duration::from_secs(15);
/// Relays that are remembered. Above it the one that was silent the longest is forgotten.
const MAX_MEMBERS: usize = 1024;

/// What a relay knows of its cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClusterState {
    /// True if the bus is reachable.
    pub is_connected: bool,
    /// The number of other relays that were heard of in the last 15 s.
    pub relays: usize,
    /// The number of nicks at them.
    pub nicks: u64,
    /// True if one of them has another key than this relay: then hosts are not recognised there (section 5.6).
    pub has_other_key: bool,
}

/// The other relays.
#[derive(Default)]
pub(super) struct Members {
    all: BTreeMap<RelayId, Member>,
    /// Time at which this relay was connected to the bus.
    joined: Duration,
    /// Heartbeats sent.
    sent: u64,
    /// Time of the next one.
    next: Option<Duration>,
}

/// Another relay, as its last heartbeat told.
pub(super) struct Member {
    pub(super) heard: Duration,
    /// The number of that heartbeat.
    pub(super) number: u64,
    pub(super) nicks: u64,
    pub(super) key: Option<PublicKey>,
}

impl Members {
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.next
    }

    /// Records that this relay is connected to the bus.
    pub(super) fn joined(&mut self, now: Duration) {
        self.joined = now;
    }

    /// Returns the relays that are there.
    pub(super) fn present(&self, now: Duration) -> impl Iterator<Item = RelayId> {
        self.present_members(now).map(|(relay, _)| *relay)
    }

    fn present_members(&self, now: Duration) -> impl Iterator<Item = (&RelayId, &Member)> {
        let is_there = move |member: &Member| now.saturating_sub(member.heard) < MEMBER_TIMEOUT;
        self.all.iter().filter(move |(_, member)| is_there(member))
    }

    /// Records a heartbeat. Returns the time since when messages between both relays may have been lost.
    fn heard(
        &mut self,
        relay: RelayId,
        mut member: Member,
        joins: bool,
        now: Duration,
    ) -> Option<Duration> {
        let (before, number) = (self.all.get(&relay), member.number);
        let margin = HEARTBEAT_INTERVAL.saturating_mul(2);
        let lost = match before {
            // It has just joined, and has claimed all of its nicks.
            _ if joins => None,
            // The greeting after this relay has joined: the same again, or overtaken.
            Some(before) if number <= before.number => {
                member.number = before.number;
                None
            }
            Some(before) if number - before.number == 1 => None,
            Some(before) => Some(before.heard.saturating_sub(margin)),
            // This relay has just joined, has claimed all of its nicks, and will do so once more.
            None if now <= self.joined.saturating_add(HEARTBEAT_INTERVAL) => None,
            None => Some(Duration::ZERO),
        };
        if before.is_none() && self.all.len() >= MAX_MEMBERS {
            let eldest = self.all.iter().min_by_key(|(_, member)| member.heard);
            if let Some(eldest) = eldest.map(|(relay, _)| *relay) {
                self.all.remove(&eldest);
            }
        }
        self.all.insert(relay, member);
        lost
    }
}

impl Registry {
    /// Returns the state of this relay's cluster, if it is in one.
    pub fn cluster_state(&self, now: Duration) -> Option<ClusterState> {
        let cluster = self.cluster.as_ref()?;
        let own = self.identity.as_ref().map(crate::secure::Identity::public);
        let mut state =
            ClusterState { is_connected: cluster.is_connected, ..ClusterState::default() };
        for (_, member) in cluster.members.present_members(now) {
            state.relays += 1;
            state.nicks = state.nicks.saturating_add(member.nicks);
            state.has_other_key |= member.key != own;
        }
        Some(state)
    }

    /// Tells all relays that this one is there.
    pub(super) fn publish_heartbeat(
        &mut self,
        joins: bool,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let Some(cluster) = &mut self.cluster else { return };
        cluster.members.sent += 1;
        cluster.members.next = Some(now.saturating_add(HEARTBEAT_INTERVAL));
        self.send_heartbeat(Subject::All, joins, actions);
    }

    fn send_heartbeat(&mut self, to: Subject, joins: bool, actions: &mut Vec<Action>) {
        let key = self.identity.as_ref().map(crate::secure::Identity::public);
        let Some(cluster) = &mut self.cluster else { return };
        let (relay, number) = (cluster.config.relay, cluster.members.sent);
        let nicks = u64::try_from(cluster.leases.len()).unwrap_or(u64::MAX);
        let site = cluster.config.site.as_deref();
        let bytes = Notice::Relay { relay, number, joins, nicks, site, key }.encode();
        actions.push(Action::Publish { to, bytes });
    }

    /// Tells all relays that this one stops.
    pub(in crate::registry) fn publish_end(&mut self, actions: &mut Vec<Action>) {
        let Some(cluster) = &mut self.cluster else { return };
        cluster.members.next = None;
        let bytes = Notice::RelayEnd(cluster.config.relay).encode();
        actions.push(Action::Publish { to: Subject::All, bytes });
    }

    /// Processes the heartbeat of another relay. Where one is missing, claims between both may be lost, too:
    /// this relay claims again what was new at that time.
    pub(super) fn relay_heard(
        &mut self,
        relay: RelayId,
        member: Member,
        joins: bool,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let Some(cluster) = &mut self.cluster else { return };
        if relay == cluster.config.relay {
            return;
        }
        if joins {
            // It knows all others at once, not after their next heartbeats.
            self.send_heartbeat(Subject::Relay(relay), false, actions);
        }
        let Some(cluster) = &mut self.cluster else { return };
        if let Some(since) = cluster.members.heard(relay, member, joins, now) {
            self.renew_since(since, now);
            self.renew_due(now, actions);
        }
    }

    pub(super) fn relay_ended(&mut self, relay: RelayId) {
        if let Some(cluster) = &mut self.cluster {
            cluster.members.all.remove(&relay);
        }
    }
}
