//! Admits clients by their tokens (section 5.11).

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::refusal::Refusal;
use super::users::{Account, Users};
use super::{Action, CloseReason, ConnId, Outcome, Registry, Rule};
use crate::relay_caps::RelayCaps;

/// Who may use the relay, and how many connections each has.
#[derive(Default)]
pub(super) struct Admission {
    pub(super) users: Option<Arc<Users>>,
    connections: BTreeMap<Account, usize>,
}

impl Admission {
    /// A connection that counted for this account is closed.
    pub(super) fn left(&mut self, account: &Account) {
        if let Some(count) = self.connections.get_mut(account) {
            *count -= 1;
            if *count == 0 {
                self.connections.remove(account);
            }
        }
    }
}

impl Registry {
    /// Replaces the users. Connections of those that are not allowed any more, or not with their nick, are closed
    /// with an X_ERR that says so; lower limits apply to connections that come later. Connections that were there
    /// before the relay had users are asked for nothing until they ask for a nick or the nicks online.
    pub fn set_users(&mut self, users: Option<Arc<Users>>, actions: &mut Vec<Action>) {
        self.admission.users = users;
        let Some(users) = self.admission.users.clone() else { return };
        let refused = self.clients.iter().filter_map(|(conn, client)| {
            let account = client.account.as_ref()?;
            if users.limits(account).is_none() {
                return Some((*conn, "refused: you may not use this relay any more"));
            }
            let claimed = client.claim.as_ref().map(|claim| &claim.nick);
            let acquired = client.acquisition.as_ref().map(|acquisition| &acquisition.nick);
            let mut nicks = [client.nick.as_ref(), claimed, acquired].into_iter().flatten();
            let reason = "refused: your nick is not one that you may have any more";
            nicks.any(|nick| users.check_nick(account, nick).is_err()).then_some((*conn, reason))
        });
        let refused: Vec<_> = refused.collect();
        for (conn, reason) in refused {
            self.error(conn, "-", reason, actions);
            self.close(conn, CloseReason::NoLongerAllowed, actions);
        }
    }

    /// Returns the users, if there are any rules about them.
    pub fn users(&self) -> Option<&Arc<Users>> {
        self.admission.users.as_ref()
    }

    /// Returns for whom a connection counts; `None` if that is not known, or the relay has no users.
    pub fn account(&self, conn: ConnId) -> Option<&Account> {
        self.clients.get(&conn)?.account.as_ref()
    }

    /// Returns the connections of an account, in order.
    pub fn connections_of(&self, account: &Account) -> Vec<ConnId> {
        let own =
            self.clients.iter().filter(|(_, client)| client.account.as_ref() == Some(account));
        own.map(|(conn, _)| *conn).collect()
    }

    /// Returns the accounts that have connections, and how many.
    pub fn accounts(&self) -> impl Iterator<Item = (&Account, usize)> {
        self.admission.connections.iter().map(|(account, count)| (account, *count))
    }

    /// Processes X_TOKEN. Each connection has one attempt, and each address a few a minute.
    pub(super) fn receive_token(
        &mut self,
        conn: ConnId,
        token: &str,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let (Some(users), Some(client)) = (&self.admission.users, self.clients.get(&conn)) else {
            return Err(Refusal::Error(Rule::UnknownVerb, "unknown verb".into()));
        };
        if !client.supports(RelayCaps::TOKEN) {
            let reason = "X_CAPS with the word token must come first";
            return Err(Refusal::Error(Rule::CapsFirst, reason.into()));
        }
        if client.account.is_some() {
            let reason = "it is known already who you are; a token comes before the nick, once";
            return Err(Refusal::Error(Rule::NotDue, reason.into()));
        }
        let user = users.by_token(token).map(|user| user.name.clone());
        let Some(user) = self.guesses.admit(client.from, user.is_none(), now).then_some(user)
        else {
            let reason = "refused: too many wrong tokens from your address; wait a minute";
            return Err(Refusal::Close(Rule::TokenRate, reason.into(), CloseReason::WrongToken));
        };
        let Some(user) = user else {
            let reason = "refused: this is no token of this relay; ask its operator for yours";
            return Err(Refusal::Close(Rule::WrongToken, reason.into(), CloseReason::WrongToken));
        };
        self.admit(conn, Account::User(user), actions)
    }

    /// Admits a client whose token its bridge has checked.
    pub(super) fn admit_bridged(
        &mut self,
        conn: ConnId,
        account: &Account,
        actions: &mut Vec<Action>,
    ) {
        let Some(users) = &self.admission.users else { return };
        let admitted = match users.limits(account) {
            Some(_) => self.admit(conn, account.clone(), actions),
            None => {
                let reason = "refused: you may not use this relay any more";
                let why = CloseReason::NoLongerAllowed;
                Err(Refusal::Close(Rule::WrongToken, reason.into(), why))
            }
        };
        if let Err(refusal) = admitted {
            self.refuse(conn, "X_TOKEN", refusal, actions);
        }
    }

    /// Checks that it is known who a client is, or takes it for an anonymous one if there may be such.
    pub(super) fn needs_account(
        &mut self,
        conn: ConnId,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let (Some(users), Some(client)) = (&self.admission.users, self.clients.get(&conn)) else {
            return Ok(());
        };
        if client.account.is_some() {
            return Ok(());
        }
        if !users.allows_anonymous() {
            let reason = "refused: this relay needs a token, X_TOKEN after X_CAPS token and before X_NICK; ask its \
                          operator for one";
            return Err(Refusal::Close(Rule::NoToken, reason.into(), CloseReason::NoToken));
        }
        self.admit(conn, Account::Anonymous, actions)
    }

    /// Counts a connection for an account, if its limit allows one more.
    fn admit(
        &mut self,
        conn: ConnId,
        account: Account,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let Some(client) = self.clients.get_mut(&conn).filter(|it| it.account.is_none()) else {
            return Ok(());
        };
        let limits = self.admission.users.as_ref().and_then(|users| users.limits(&account));
        let count = self.admission.connections.entry(account.clone()).or_default();
        if let Some(limit) = limits.and_then(|limits| limits.connections)
            && *count >= limit
        {
            let whose = match account {
                Account::User(_) => "your connections",
                Account::Anonymous | Account::Unnamed => "connections without a user's token",
            };
            if *count == 0 {
                self.admission.connections.remove(&account);
            }
            let reason = format!("refused: too many of {whose} at once: the limit is {limit}");
            return Err(Refusal::Close(Rule::UserFull, reason, CloseReason::UserFull));
        }
        *count += 1;
        client.account = Some(account);
        actions.push(Action::Record { conn, outcome: Outcome::Identified });
        Ok(())
    }
}
