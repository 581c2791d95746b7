//! The meetings that the relay has invited hosts to and that are not complete (section 5.8).

use alloc::collections::{BTreeMap, BTreeSet};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use super::ConnId;
use super::cluster::{MeetingRef, RelayId};
use crate::addr::client_prefix;
use crate::ticket::Ticket;

/// Identifies a meeting. In the order in which meetings expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MeetingId {
    /// Time at which its invitations expire.
    pub(super) until: Duration,
    number: u64,
}

/// A host's part in a meeting, which is its index in the arrays of a [`Meeting`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Caller,
    Callee,
}

/// Two hosts that are invited to a rendezvous each, of which at most one has arrived. One of them may be a host
/// of another relay.
pub(super) struct Meeting {
    /// The connections of their nicks; `None` at another relay.
    pub(super) hosts: [Option<ConnId>; 2],
    /// The addresses at which their rendezvous must arrive. That of a callee at another relay is unknown and
    /// unspecified.
    pub(super) from: [IpAddr; 2],
    pub(super) invitations: [Ticket; 2],
    /// The rendezvous of this relay's host that has arrived.
    pub(super) arrived: Option<(Role, ConnId)>,
    /// Present if the other host is at another relay.
    pub(super) remote: Option<RemoteHalf>,
}

/// The half of a meeting that is at another relay.
pub(super) struct RemoteHalf {
    pub(super) meeting: MeetingRef,
    /// The other relay; `None` until the callee's has answered.
    pub(super) relay: Option<RelayId>,
    /// The relay and address of the callee's rendezvous, if it has arrived.
    pub(super) arrived: Option<(RelayId, SocketAddr)>,
}

/// All incomplete meetings.
#[derive(Default)]
pub(super) struct Meetings {
    all: BTreeMap<MeetingId, Meeting>,
    /// The hosts of each meeting that are at this relay, by the prefix that counts as one client.
    by_prefix: BTreeSet<(IpAddr, MeetingId, Role)>,
    /// Those with a host of another relay.
    remote: BTreeMap<MeetingRef, MeetingId>,
    /// Meetings so far, which is the next number.
    count: u64,
}

impl Meetings {
    pub(super) fn insert(&mut self, meeting: Meeting, until: Duration) -> MeetingId {
        let id = MeetingId { until, number: self.count };
        self.count += 1;
        for role in meeting.local_roles() {
            self.by_prefix.insert((meeting.prefix(role), id, role));
        }
        if let Some(remote) = &meeting.remote {
            self.remote.insert(remote.meeting, id);
        }
        self.all.insert(id, meeting);
        id
    }

    /// Returns the meeting that another relay names.
    pub(super) fn find_remote(&self, meeting: MeetingRef) -> Option<MeetingId> {
        self.remote.get(&meeting).copied()
    }

    pub(super) fn remove(&mut self, id: MeetingId) -> Option<Meeting> {
        let meeting = self.all.remove(&id)?;
        for role in meeting.local_roles() {
            self.by_prefix.remove(&(meeting.prefix(role), id, role));
        }
        if let Some(remote) = &meeting.remote {
            self.remote.remove(&remote.meeting);
        }
        Some(meeting)
    }

    pub(super) fn get(&self, id: MeetingId) -> Option<&Meeting> {
        self.all.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: MeetingId) -> Option<&mut Meeting> {
        self.all.get_mut(&id)
    }

    /// Returns the time at which the next meeting expires.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.all.first_key_value().map(|(id, _)| id.until)
    }

    /// Returns the meeting that expires first.
    pub(super) fn first(&self) -> Option<MeetingId> {
        self.all.first_key_value().map(|(id, _)| *id)
    }

    /// Returns the meetings that a host at `from` takes part in, the first to expire first.
    pub(super) fn of_host(
        &self,
        host: ConnId,
        from: IpAddr,
    ) -> impl Iterator<Item = (MeetingId, Role, &Meeting)> {
        self.at(from).filter(move |(_, role, meeting)| meeting.hosts[*role as usize] == Some(host))
    }

    /// Returns the number of meetings whose caller is at this address.
    pub(super) fn callers_at(&self, from: IpAddr) -> usize {
        self.at(from).filter(|(_, role, _)| *role == Role::Caller).count()
    }

    /// Returns the meeting for which a rendezvous from this address shows an invitation that was not shown
    /// before. Compares in constant time, and the invitations of this address only.
    pub(super) fn find_invited(
        &self,
        from: IpAddr,
        shown: &Ticket,
        now: Duration,
    ) -> Option<(MeetingId, Role)> {
        let (id, role, _) = self.at(from).find(|(id, role, meeting)| {
            let has_arrived = meeting.arrived.is_some_and(|(arrived, _)| arrived == *role);
            let is_invited = id.until > now && !has_arrived && meeting.from[*role as usize] == from;
            is_invited && meeting.invitations[*role as usize].matches(shown)
        })?;
        Some((id, role))
    }

    fn at(&self, from: IpAddr) -> impl Iterator<Item = (MeetingId, Role, &Meeting)> {
        let prefix = client_prefix(from);
        let first = MeetingId { until: Duration::ZERO, number: 0 };
        self.by_prefix
            .range((prefix, first, Role::Caller)..)
            .take_while(move |(at, _, _)| *at == prefix)
            .filter_map(|(_, id, role)| Some((*id, *role, self.all.get(id)?)))
    }

    /// Asserts that both indexes agree.
    pub(super) fn check_invariants(&self) {
        let (all, remote) = (self.all.len(), self.remote.len());
        assert_eq!(self.by_prefix.len() + remote, 2 * all, "each meeting has two hosts");
    }
}

impl Meeting {
    fn local_roles(&self) -> impl Iterator<Item = Role> + use<> {
        let is_local = self.hosts.map(|host| host.is_some());
        [Role::Caller, Role::Callee].into_iter().filter(move |role| is_local[*role as usize])
    }

    fn prefix(&self, role: Role) -> IpAddr {
        client_prefix(self.from[role as usize])
    }
}
