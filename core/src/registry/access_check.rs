//! Which clients the operator's lists admit, and with which nicks.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::access::NickVerdict;
use super::client::Client;
use super::keys::KeyProof;
use super::refusal::Refusal;
use super::{AccessLists, Action, CloseReason, ConnId, Registry, Rule};
use crate::Nick;
use crate::secure::PublicKey;

/// The reason for a client whose address is not allowed.
pub(super) const ADDRESS: &str = "refused: this relay is not open to your address";

/// Whether a host may have a nick.
pub(super) enum NickAccess {
    Yes,
    /// NO, as if it were taken: a host that knows how then proves its key (section 5.6) and asks again.
    AskForKey(Rule),
    No(Rule, String),
    /// Without a further attempt.
    Never(Rule, String),
}

impl Registry {
    /// Applies these lists from now on, and closes the connections that they forbid, with an X_ERR that says why.
    /// Returns these.
    pub fn set_access(
        &mut self,
        lists: Arc<AccessLists>,
        actions: &mut Vec<Action>,
    ) -> Vec<ConnId> {
        self.access = lists;
        let lists = &self.access;
        let forbidden = self.clients.iter().filter_map(|(conn, client)| {
            let reason = match lists.allow_address(client.from) {
                false => ADDRESS.into(),
                true => forbidden_host(lists, client)?,
            };
            Some((*conn, reason))
        });
        let forbidden: Vec<_> = forbidden.collect();
        for (conn, reason) in &forbidden {
            self.error(*conn, "-", reason, actions);
            self.close(*conn, CloseReason::NotAllowed, actions);
        }
        forbidden.into_iter().map(|(conn, _)| conn).collect()
    }

    /// Returns the lists in force.
    pub fn access(&self) -> &Arc<AccessLists> {
        &self.access
    }

    /// Returns whether its user, bans and lists let a host have a nick.
    pub(super) fn may_have(&self, conn: ConnId, nick: &Nick, now: Duration) -> NickAccess {
        let account = self.clients.get(&conn).and_then(|client| client.account.as_ref());
        if let (Some(account), Some(users)) = (account, self.users())
            && let Err((rule, reason)) = users.check_nick(account, nick)
        {
            return NickAccess::No(rule, reason);
        }
        if self.bans.bans_nick(nick, now) {
            let reason = "refused: the operator banned this nick, or one like it";
            return NickAccess::No(Rule::NickBanned, reason.into());
        }
        let Some(client) = self.clients.get(&conn) else { return NickAccess::Yes };
        let key = client.key_proof.proved();
        let (rule, reason) = match refusal(&self.access, nick, key) {
            None => return NickAccess::Yes,
            Some((Rule::KeyNotAllowed, reason)) if key.is_some() || nick.is_one_time() => {
                return NickAccess::Never(Rule::KeyNotAllowed, reason);
            }
            Some(refusal) => refusal,
        };
        match rule {
            Rule::KeyNotAllowed | Rule::NickReserved if self.may_prove(conn) => {
                NickAccess::AskForKey(rule)
            }
            rule => NickAccess::No(rule, reason),
        }
    }

    /// Returns true if a host may prove a key before it asks for its nick again. Hosts ask for the nick first.
    pub(super) fn may_prove(&self, conn: ConnId) -> bool {
        let is_due = |client: &Client| {
            matches!(client.key_proof, KeyProof::None | KeyProof::RelayProved(_))
                && client.nick_tries == 0
        };
        self.identity.is_some() && self.clients.get(&conn).is_some_and(|client| is_due(client))
    }

    /// Checks the key that a host has just proved.
    pub(super) fn check_key(&self, key: PublicKey) -> Result<(), Refusal> {
        match self.access.allow_key(Some(key)) {
            true => Ok(()),
            false => Err(Refusal::Close(
                Rule::KeyNotAllowed,
                key_not_allowed(key),
                CloseReason::NotAllowed,
            )),
        }
    }

    /// Checks that a client may see who is online: where keys are needed, it must have proved one.
    pub(super) fn check_may_list(&self, conn: ConnId) -> Result<(), Refusal> {
        let key = self.clients.get(&conn).and_then(|client| client.key_proof.proved());
        match self.access.allow_key(key) {
            true => Ok(()),
            false => Err(Refusal::Error(Rule::KeyNotAllowed, NO_KEY.into())),
        }
    }
}

const NO_KEY: &str = "refused: this relay knows its hosts by their keys, and yours has shown none";

fn key_not_allowed(key: PublicKey) -> String {
    format!("refused: this relay's operator has not allowed your host's key {key}")
}

/// Returns why the lists forbid what a connection is or has.
fn forbidden_host(lists: &AccessLists, client: &Client) -> Option<String> {
    let key = client.key_proof.proved();
    if let Some(key) = key.filter(|key| !lists.allow_key(Some(*key))) {
        return Some(key_not_allowed(key));
    }
    let claimed = client.claim.as_ref().map(|claim| &claim.nick);
    let acquired = client.acquisition.as_ref().map(|acquisition| &acquisition.nick);
    let pending = client.pending.as_ref().and_then(|pending| pending.nick.as_ref());
    let asked = pending.map(|(nick, _)| nick);
    let nick = client.nick.as_ref().or(claimed).or(acquired).or(asked)?;
    refusal(lists, nick, key).map(|(_, reason)| reason)
}

/// Returns why a host with this key, or that has shown none, may not have this nick.
fn refusal(lists: &AccessLists, nick: &Nick, key: Option<PublicKey>) -> Option<(Rule, String)> {
    if !lists.allow_key(key) {
        let reason = match key {
            Some(key) => key_not_allowed(key),
            // A code's host makes a key of its own for it.
            None if nick.is_one_time() => {
                "refused: this relay knows its hosts by their keys, so it has no codes".into()
            }
            None => NO_KEY.into(),
        };
        return Some((Rule::KeyNotAllowed, reason));
    }
    match (lists.judge_nick(nick, key), key) {
        (NickVerdict::Allowed, _) => None,
        (NickVerdict::NotAllowed, _) if nick.is_one_time() => {
            Some((Rule::NickNotAllowed, "refused: this relay has no codes".into()))
        }
        (NickVerdict::NotAllowed, _) => {
            let reason = "refused: this relay does not allow this nick, or one like it";
            Some((Rule::NickNotAllowed, reason.into()))
        }
        (NickVerdict::Reserved, None) => {
            let reason = format!("refused: {nick} is reserved, and your host has shown no key");
            Some((Rule::NickReserved, reason))
        }
        (NickVerdict::Reserved, Some(key)) => {
            let reason = format!("refused: {nick} is reserved, and not for your host's key {key}");
            Some((Rule::NickReserved, reason))
        }
    }
}
