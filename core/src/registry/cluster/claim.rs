//! A host asks for a nick: this relay asks those that know one alike (section 23.3).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::answer::{parse_moved, parse_verdict};
use super::message::Claim;
use super::requests::Purpose;
use super::{Answer, Grant, REQUEST_TIMEOUT, subjects};
use crate::Nick;
use crate::registry::{Action, ConnId, Registry, Rule};

/// A host's wait for a nick that other relays may know.
pub(in crate::registry) struct Acquisition {
    pub(in crate::registry) nick: Nick,
    /// The nick as the host spelled it.
    text: Box<str>,
    pub(super) stamp: u64,
    number: u64,
    /// Requests without an answer.
    unanswered: usize,
    has_yes: bool,
    has_failed: bool,
}

impl Registry {
    /// Gives a nick that no other nick of this relay looks like, as soon as no other relay objects. Without the
    /// bus it is given at once, and claimed when the bus is back.
    pub(in crate::registry) fn acquire(
        &mut self,
        conn: ConnId,
        nick: Nick,
        text: &str,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let Some(cluster) = &mut self.cluster else {
            return self.assign_nick(conn, nick, text, None, actions);
        };
        let Some(client) = self.clients.get_mut(&conn) else { return };
        let subjects = subjects(&nick);
        // Before the questions, so that of two relays that ask at once at least one is heard.
        actions.extend(subjects.iter().cloned().map(Action::Subscribe));
        let stamp = cluster.stamp(now);
        if !cluster.is_connected {
            let grant = Grant { stamp, at: now, has_yes: false, has_failed: false };
            return self.assign_nick(conn, nick, text, Some(grant), actions);
        }
        let key = client.key_proof.proved();
        // A holder with the same key is asked for a sign of life first.
        let for_host = key.map_or(Duration::ZERO, |_| self.limits.claim_timeout);
        let number = cluster.requests.number();
        let (relay, unanswered) = (cluster.config.relay, subjects.len());
        client.waits = true;
        client.acquisition = Some(Box::new(Acquisition {
            nick: nick.clone(),
            text: text.into(),
            stamp,
            number,
            unanswered,
            has_yes: false,
            has_failed: false,
        }));
        cluster.pending.insert(nick.clone(), conn);
        let bytes = Claim { relay, stamp, is_held: false, key, nick }.encode();
        let timeout = REQUEST_TIMEOUT.saturating_add(for_host);
        for subject in subjects {
            let purpose = Purpose::Claim { conn, number };
            self.request((subject, bytes.clone()), timeout, purpose, actions);
        }
    }

    /// Processes the answer to one of a claim's requests. One NO refuses the nick.
    pub(super) fn claim_answered(
        &mut self,
        (conn, number): (ConnId, u64),
        answer: Answer<'_>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let client = self.clients.get_mut(&conn);
        let acquisition = client.and_then(|client| client.acquisition.as_mut());
        let Some(acquisition) = acquisition.filter(|claim| claim.number == number) else { return };
        let is_refused =
            matches!(answer, Answer::Reply(bytes) if parse_verdict(bytes) == Some(false));
        if let Answer::Reply(bytes) = answer
            && let Some(before) = parse_moved(bytes)
        {
            // The younger of one host's connections keeps the nick, whatever the clocks say.
            acquisition.stamp = acquisition.stamp.max(before.saturating_add(1));
        }
        acquisition.unanswered -= 1;
        acquisition.has_yes |= matches!(answer, Answer::Reply(_));
        acquisition.has_failed |= answer == Answer::Failed;
        if is_refused || acquisition.unanswered == 0 {
            self.end_acquisition(conn, !is_refused, now, actions);
        }
    }

    /// Gives the host the nick that it waits for, or refuses it, and reads on.
    pub(super) fn end_acquisition(
        &mut self,
        conn: ConnId,
        is_granted: bool,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let (Some(cluster), Some(client)) = (&mut self.cluster, self.clients.get_mut(&conn)) else {
            return;
        };
        let Some(acquisition) = client.acquisition.take() else { return };
        let Acquisition { nick, text, stamp, has_yes, has_failed, .. } = *acquisition;
        cluster.pending.remove(&nick);
        if is_granted {
            let grant = Grant { stamp, at: now, has_yes, has_failed };
            self.assign_nick(conn, nick.clone(), &text, Some(grant), actions);
        } else {
            actions.extend(subjects(&nick).into_iter().map(Action::Unsubscribe));
            self.refuse_nick(conn, &text, Rule::NickTaken, actions);
        }
        self.end_early(&nick, is_granted, now, actions);
        self.resume(conn, now, actions);
    }

    /// Gives up what a connection that is closed has in the cluster.
    pub(in crate::registry) fn leave_cluster(
        &mut self,
        conn: ConnId,
        client: &mut crate::registry::client::Client,
        actions: &mut Vec<Action>,
    ) {
        let Some(cluster) = &mut self.cluster else { return };
        if let Some(lease) = client.lease.take() {
            cluster.leases.remove(conn, &lease);
        }
        let acquired = client.acquisition.take().map(|acquisition| acquisition.nick);
        if let Some(nick) = &acquired {
            cluster.pending.remove(nick);
        }
        let subscribed = client.nick.as_ref().filter(|_| !client.has_moved);
        if let Some(nick) = subscribed.or(acquired.as_ref()) {
            actions.extend(subjects(nick).into_iter().map(Action::Unsubscribe));
        }
        if let Some(challenge) = client.challenge.take() {
            challenge.answer(true, actions);
        }
    }
}
