//! Answers a claim of another relay to a nick that this one may have (section 23.3).

use alloc::vec::Vec;
use core::time::Duration;

use super::answer::{encode_moved, encode_verdict};
use super::message::Claim;
use super::{RelayId, ReplyId, subjects};
use crate::Nick;
use crate::registry::{Action, CloseReason, ConnId, Registry};

/// Requests of one claim: one for each form of the nick.
const MAX_REPLIES: usize = 3;

/// A claim to a nick by its holder's own key, at another relay (section 5.6): the holder was pinged.
pub(in crate::registry) struct Challenge {
    claimant: (u64, RelayId),
    replies: Vec<ReplyId>,
    /// Time after which a silent holder counts as dead.
    pub(in crate::registry) until: Duration,
}

impl Challenge {
    /// Answers the claim.
    pub(in crate::registry) fn answer(self, is_granted: bool, actions: &mut Vec<Action>) {
        for to in self.replies {
            actions.push(Action::Reply { to, bytes: encode_verdict(is_granted) });
        }
    }
}

impl Registry {
    pub(super) fn answer_claim(
        &mut self,
        reply: ReplyId,
        claim: &Claim,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let Some(cluster) = &self.cluster else { return };
        let own = cluster.config.relay;
        let verdict = if claim.relay == own {
            Some(true)
        } else if let Some(holder) = self.find_leased(&claim.nick) {
            if claim.is_held {
                Some(self.yield_nick(holder, claim, now, actions))
            } else {
                self.defend_nick(holder, claim, reply, now, actions)
            }
        } else if let Some((_, conn)) = cluster.pending.find_similar(&claim.nick) {
            let client = self.clients.get(&conn);
            let stamp = client.and_then(|client| client.acquisition.as_ref());
            let stamp = stamp.map_or(u64::MAX, |acquisition| acquisition.stamp);
            let key = client.and_then(|client| client.key_proof.proved());
            if claim.is_held && key.is_some() && key == claim.key {
                // The other relay is asking this host's old connection for a sign of life.
                Some(true)
            } else {
                let yields = claim.is_held || (claim.stamp, claim.relay) < (stamp, own);
                if yields {
                    self.end_acquisition(conn, false, now, actions);
                }
                Some(yields)
            }
        } else {
            Some(true)
        };
        if let Some(verdict) = verdict {
            actions.push(Action::Reply { to: reply, bytes: encode_verdict(verdict) });
        }
        self.renew_due(now, actions);
    }

    /// Returns the connection of a host that has a nick alike, unless it has moved.
    fn find_leased(&self, nick: &Nick) -> Option<ConnId> {
        let (_, holder) = self.nicks.find_similar(nick)?;
        self.clients.get(&holder).is_some_and(|client| !client.has_moved).then_some(holder)
    }

    /// Decides which of two hosts with one nick keeps it, as both relays do: the elder; or, if both are the
    /// same host, its younger connection, because it has left the other. Returns true if it is the other's.
    fn yield_nick(
        &mut self,
        holder: ConnId,
        claim: &Claim,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> bool {
        let (Some(cluster), Some(client)) = (&self.cluster, self.clients.get(&holder)) else {
            return true;
        };
        let stamp = client.lease.as_ref().map_or(u64::MAX, |lease| lease.stamp);
        let (own, other) = ((stamp, cluster.config.relay), (claim.stamp, claim.relay));
        let is_same_host = claim.key.is_some() && claim.key == client.key_proof.proved();
        let keeps = if is_same_host { own > other } else { own < other };
        if keeps {
            // Where relays are slow, the NO comes too late; a claim of the winner never does.
            self.renew_soon(holder, now);
        } else if is_same_host && client.asked_to_move {
            self.move_nick(holder, actions);
        } else {
            self.lose_nick(holder, actions);
        }
        !keeps
    }

    /// Answers a claim to a nick that a host here has: NO, unless the claimant is the same host, and this connection
    /// stays silent or was asked to move.
    fn defend_nick(
        &mut self,
        holder: ConnId,
        claim: &Claim,
        reply: ReplyId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Option<bool> {
        let claimant = (claim.stamp, claim.relay);
        let Some(client) = self.clients.get_mut(&holder) else { return Some(true) };
        if claim.key.is_none() || claim.key != client.key_proof.proved() {
            return Some(false);
        }
        if client.asked_to_move {
            let stamp = client.lease.as_ref().map_or(0, |lease| lease.stamp);
            self.move_nick(holder, actions);
            actions.push(Action::Reply { to: reply, bytes: encode_moved(stamp) });
            return None;
        }
        match &mut client.challenge {
            Some(challenge) => {
                let is_more = challenge.claimant == claimant;
                if !is_more || challenge.replies.len() >= MAX_REPLIES {
                    return Some(false);
                }
                challenge.replies.push(reply);
                return None;
            }
            None if client.claimed_by.is_some() => return Some(false),
            None => {}
        }
        let until = now.saturating_add(self.limits.claim_timeout);
        client.challenge = Some(Challenge { claimant, replies: [reply].into(), until });
        client.record_ping(now);
        self.advance_alarm(holder);
        self.ping(holder, actions);
        None
    }

    /// Leaves a nick to the relay that its host moves to (section 5.9). The connection stays, for calls in flight, and is
    /// listed, since that relay does not list the nick yet.
    fn move_nick(&mut self, holder: ConnId, actions: &mut Vec<Action>) {
        let (Some(cluster), Some(client)) = (&mut self.cluster, self.clients.get_mut(&holder))
        else {
            return;
        };
        let Some(lease) = client.lease.take() else { return };
        cluster.leases.remove(holder, &lease);
        client.has_moved = true;
        let nick = client.nick.as_ref();
        actions.extend(nick.into_iter().flat_map(subjects).map(Action::Unsubscribe));
        // The claim before this one is of a connection that its host has left.
        if let Some(challenge) = client.challenge.take() {
            challenge.answer(false, actions);
        }
    }

    /// Closes a connection that stayed silent, so that its host gets its nick at another relay.
    pub(in crate::registry) fn end_challenge(&mut self, holder: ConnId, actions: &mut Vec<Action>) {
        let reason = "silent: another connection of your host took over the nick";
        self.error(holder, "-", reason, actions);
        self.close(holder, CloseReason::Replaced, actions);
    }
}
