//! Claims: a host takes its nick back from a dead connection of its own (section 5.6).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Action, CloseReason, ConnId, Registry};
use crate::Nick;

/// A claim to a nick by the key of its holder.
pub(super) struct Claim {
    pub(super) nick: Nick,
    /// The nick as the claimant spelled it.
    pub(super) text: Box<str>,
    /// The connection that holds the nick.
    pub(super) holder: ConnId,
    /// Time after which a silent holder counts as dead.
    pub(super) until: Duration,
}

impl Registry {
    /// Pings the holder, if the claimant has proved the same key and no other claim is pending. Returns
    /// true if the claim was started.
    pub(super) fn claim(
        &mut self,
        conn: ConnId,
        claim: (Nick, &str),
        holder: ConnId,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> bool {
        let key = |conn| self.clients.get(conn).and_then(|client| client.key_proof.proved());
        let is_same_host = key(&conn).is_some_and(|own| key(&holder) == Some(own));
        let Some(held) = self.clients.get_mut(&holder).filter(|_| is_same_host) else {
            return false;
        };
        if held.claimed_by.is_some() || held.challenge.is_some() {
            return false;
        }
        held.claimed_by = Some(conn);
        held.record_ping(now);
        let (nick, text) = (claim.0, claim.1.into());
        let until = now.saturating_add(self.limits.claim_timeout);
        if let Some(client) = self.clients.get_mut(&conn) {
            client.claim = Some(Claim { nick, text, holder, until });
        }
        self.advance_alarm(conn);
        self.ping(holder, actions);
        true
    }

    /// Refuses a claim, because the holder of the nick is alive.
    pub(super) fn refuse_claim(&mut self, claimant: ConnId, actions: &mut Vec<Action>) {
        let Some(client) = self.clients.get_mut(&claimant) else { return };
        if let Some(Claim { text, .. }) = client.claim.take() {
            self.refuse_nick(claimant, &text, actions);
        }
    }

    /// Grants a claim, because the holder stayed silent or has disconnected.
    pub(super) fn grant_claim(&mut self, conn: ConnId, now: Duration, actions: &mut Vec<Action>) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        let Some(Claim { nick, text, holder, .. }) = client.claim.take() else { return };
        if self.clients.get(&holder).is_some_and(|held| held.claimed_by == Some(conn)) {
            let reason = "silent: another connection of your host took over the nick";
            self.error(holder, "-", reason, actions);
            self.close(holder, CloseReason::Replaced, actions);
        }
        // Another client may have taken the nick if the holder disconnected.
        match self.is_taken(&nick) {
            false => self.acquire(conn, nick, &text, now, actions),
            true => self.refuse_nick(conn, &text, actions),
        }
    }

    /// Ends the claim of a closed connection, and makes a claim to its nick due at once.
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
