//! A host has its nick back from a connection of its own that is dead (section 5.6).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Action, CloseReason, ConnId, Registry};
use crate::Nick;

/// A nick that is asked for by the key of whoever has it.
pub(super) struct Claim {
    pub(super) nick: Nick,
    /// As the claimant spelled it.
    pub(super) text: Box<str>,
    /// The connection that has it. If nothing is heard of it until then, it is dead.
    pub(super) holder: ConnId,
    pub(super) until: Duration,
}

impl Registry {
    /// Has the holder show that it lives, if the claimant proved to be the same host, and nobody else
    /// claims the nick.
    pub(super) fn claim(
        &mut self,
        conn: ConnId,
        claim: (Nick, &str),
        holder: ConnId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> bool {
        let key = |conn| self.clients.get(conn).and_then(|client| client.key_proof.proved());
        let is_same = key(&conn).is_some_and(|own| key(&holder) == Some(own));
        let Some(held) = self.clients.get_mut(&holder).filter(|_| is_same) else { return false };
        if held.claimed_by.is_some() {
            return false;
        }
        held.claimed_by = Some(conn);
        held.pinged(now);
        let (nick, text) = (claim.0, claim.1.into());
        let until = now.saturating_add(self.limits.claim_timeout);
        if let Some(client) = self.clients.get_mut(&conn) {
            client.claim = Some(Claim { nick, text, holder, until });
        }
        self.advance_alarm(conn);
        self.ping(holder, actions);
        true
    }

    /// The holder of a claimed nick lives.
    pub(super) fn refuse_claim(&mut self, claimant: ConnId, actions: &mut Vec<Action>) {
        let Some(client) = self.clients.get_mut(&claimant) else { return };
        if let Some(Claim { text, .. }) = client.claim.take() {
            self.refuse_nick(claimant, &text, actions);
        }
    }

    /// The holder of a claimed nick said nothing in time, or is gone.
    pub(super) fn grant_claim(&mut self, conn: ConnId, actions: &mut Vec<Action>) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        let Some(Claim { nick, text, holder, .. }) = client.claim.take() else { return };
        if self.clients.get(&holder).is_some_and(|held| held.claimed_by == Some(conn)) {
            let reason = "another connection of yours has the nick now, and this one was silent";
            self.error(holder, "-", reason, actions);
            self.close(holder, CloseReason::Replaced, actions);
        }
        // Somebody may have been faster where the holder left by itself.
        match self.nicks.find_similar(&nick) {
            None => self.give_nick(conn, nick, &text, actions),
            Some(_) => self.refuse_nick(conn, &text, actions),
        }
    }

    /// Forgets what a connection that is gone claimed, and lets whoever claims its nick know at once.
    pub(super) fn end_claims(&mut self, claim: Option<Claim>, claimed_by: Option<ConnId>) {
        if let Some(Claim { holder, .. }) = claim
            && let Some(held) = self.clients.get_mut(&holder)
        {
            held.claimed_by = None;
        }
        if let Some(claimant) = claimed_by
            && let Some(claim) =
                self.clients.get_mut(&claimant).and_then(|client| client.claim.as_mut())
        {
            claim.until = Duration::ZERO;
            self.advance_alarm(claimant);
        }
    }
}
