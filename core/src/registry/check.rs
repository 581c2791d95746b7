//! Invariants between a relay's clients, nicks, alarms and addresses. Debug builds assert those of a client
//! after each of its inputs.

use super::rendezvous::Rendezvous;
use super::{ConnId, Registry};

impl Registry {
    /// Asserts that all indexes agree about a connection.
    pub(super) fn check_invariants(&self, conn: ConnId) {
        assert_eq!(self.alarms.len(), self.clients.len(), "one alarm per client");
        self.meetings.check_invariants();
        let Some(client) = self.clients.get(&conn) else { return };
        assert!(self.alarms.contains(&(client.alarm, conn)), "{conn:?} has an alarm");
        assert!(self.addresses.connections(client.from) > 0, "{conn:?} counts at its address");
        if let Some(account) = &client.account {
            assert!(self.admission.connections(account) > 0, "{conn:?} counts for its account");
        }
        if let Some(nick) = &client.nick {
            let holder = self.nicks.find_callee(nick.as_str());
            assert!(holder == Ok(conn), "{nick} is not the nick of {conn:?}");
        }
        if client.has_moved {
            assert!(client.nick.is_some() && client.asked_to_move, "{conn:?} cannot have moved");
            assert!(client.challenge.is_none(), "{conn:?} is claimed again");
        }
        for (id, role, meeting) in self.meetings.of_host(conn, client.from) {
            assert!(client.nick.is_some(), "{conn:?} is invited and has no nick");
            assert_eq!(meeting.from[role as usize], client.from, "{conn:?} is invited elsewhere");
            let both = meeting.hosts.iter().flatten().all(|host| self.clients.contains_key(host));
            assert!(both, "a host of {id:?} has left");
            if let Some((_, arrived)) = meeting.arrived {
                let rendezvous =
                    self.clients.get(&arrived).and_then(|client| client.rendezvous.as_ref());
                let waits_in = rendezvous.and_then(Rendezvous::waits_in);
                assert_eq!(waits_in, Some(id), "{arrived:?} does not wait in {id:?}");
            }
        }
        if let Some(rendezvous) = &client.rendezvous {
            assert!(client.nick.is_none(), "{conn:?} is a rendezvous and has a nick");
            let meeting = rendezvous.waits_in().map(|id| self.meetings.get(id));
            let arrived = meeting.map(|meeting| meeting.and_then(|meeting| meeting.arrived));
            assert!(
                arrived.is_none_or(|arrived| arrived.is_some_and(|(_, arrived)| arrived == conn)),
                "{conn:?} waits in no meeting"
            );
        }
        if client.pending.is_some() {
            assert!(client.waits && client.acquisition.is_none(), "{conn:?} waits for the hook");
        }
        if let Some(acquisition) = &client.acquisition {
            assert!(client.nick.is_none() && client.waits, "{conn:?} waits for a nick");
            let is_pending =
                self.cluster.as_ref().is_some_and(|cluster| cluster.is_pending(&acquisition.nick));
            assert!(is_pending, "{} is not taken while it is claimed", acquisition.nick);
        }
        assert_eq!(
            client.lease.is_some(),
            client.nick.is_some() && !client.has_moved && self.cluster.is_some(),
            "a nick has a lease, until its host has moved"
        );
        if let Some(claim) = &client.claim {
            assert!(client.nick.is_none(), "{conn:?} claims a nick and has one");
            let holder = self.clients.get(&claim.holder);
            let claimed_by = holder.and_then(|holder| holder.claimed_by);
            assert!(
                holder.is_none() || claimed_by == Some(conn),
                "the claimed nick is not marked as claimed"
            );
        }
        if let Some(claimant) = client.claimed_by {
            let claim = self.clients.get(&claimant).and_then(|client| client.claim.as_ref());
            assert!(
                claim.is_some_and(|claim| claim.holder == conn),
                "the claimant has no such claim"
            );
        }
    }
}
