//! Requests for nicks: X_NICK (section 5.2).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::access_check::NickAccess;
use super::budgets::{over_budget, too_many_guesses};
use super::cluster::Grant;
use super::outcome::record;
use super::refusal::Refusal;
use super::{Action, Asked, CloseReason, ConnId, Outcome, Registry, Report, Rule};
use crate::{MAX_NICK_CHARS, Nick, RelayPacket};

impl Registry {
    /// Processes X_NICK.
    pub(super) fn register(
        &mut self,
        conn: ConnId,
        text: &str,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let Some(client) = self.clients.get_mut(&conn) else { return Ok(()) };
        if let Some(nick) = &client.nick {
            let reason = format!("this connection already has the nick {nick}");
            return Err(Refusal::Error(Rule::NotDue, reason));
        }
        if client.claim.is_some() {
            let reason = "the previous X_NICK is still pending";
            return Err(Refusal::Error(Rule::NotDue, reason.into()));
        }
        let nick = Nick::parse(text);
        // A NO reveals that a code exists, so it shares the budget of calls.
        if nick.as_ref().is_ok_and(Nick::is_one_time)
            && !self.addresses.guess(client.from, &self.limits, now)
        {
            let reason = too_many_guesses(&self.limits);
            return Err(over_budget(client, &self.limits, Rule::GuessRate, reason, now));
        }
        match nick {
            // Too long to repeat in an answer.
            Err(bad) if text.len() > MAX_NICK_CHARS * 4 => {
                return Err(self.failed_try(conn, Rule::NickInvalid, format!("{bad}")));
            }
            Err(_) => self.refuse_nick(conn, text, Rule::NickInvalid, actions),
            Ok(nick) => return self.seek_nick(conn, (nick, text), false, now, actions),
        }
        Ok(())
    }

    /// Gives a host a nick if it may have it; after the operator's hook has allowed it, if there is one.
    pub(super) fn seek_nick(
        &mut self,
        conn: ConnId,
        (nick, text): (Nick, &str),
        is_decided: bool,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        // Again where a hook was asked: users and lists may have changed meanwhile.
        match self.may_have(conn, &nick, now) {
            NickAccess::Yes if !is_decided && self.ask_about_nick(conn, &nick, text, actions) => {}
            NickAccess::Yes => self.give_nick(conn, nick, text, now, actions),
            NickAccess::AskForKey(rule) => self.refuse_nick(conn, text, rule, actions),
            NickAccess::No(rule, reason) => return Err(self.failed_try(conn, rule, reason)),
            NickAccess::Never(rule, reason) => {
                return Err(Refusal::Close(rule, reason, CloseReason::NotAllowed));
            }
        }
        Ok(())
    }

    /// Gives a host a nick that it may have, unless another host has it or one alike.
    fn give_nick(
        &mut self,
        conn: ConnId,
        nick: Nick,
        text: &str,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        match self.nicks.find_similar(&nick).map(|(_, holder)| holder) {
            None if self.is_taken(&nick) => {
                self.refuse_nick(conn, text, Rule::NickTaken, actions);
            }
            None => self.acquire(conn, nick, text, now, actions),
            Some(holder) => {
                if !self.claim(conn, (nick, text), holder, now, actions) {
                    self.refuse_nick(conn, text, Rule::NickTaken, actions);
                }
            }
        }
    }

    /// Returns true if a host of this relay has this nick or one alike, or is about to get it.
    pub(super) fn is_taken(&self, nick: &Nick) -> bool {
        self.nicks.find_similar(nick).is_some()
            || self.cluster.as_ref().is_some_and(|cluster| cluster.is_pending(nick))
    }

    /// Assigns a nick that no other nick looks like; in a cluster, with what its claim has shown.
    pub(super) fn assign_nick(
        &mut self,
        conn: ConnId,
        nick: Nick,
        text: &str,
        grant: Option<Grant>,
        actions: &mut Vec<Action>,
    ) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        client.nick = Some(nick.clone());
        if client.bridged {
            actions.push(Action::Report { conn, report: Report::Registered });
        }
        self.nicks.insert(nick, conn);
        record(conn, Outcome::Registered, actions);
        if let Some(grant) = grant {
            self.take_lease(conn, grant);
        }
        self.advance_alarm(conn);
        self.write(conn, &RelayPacket::NickAnswer { nick: text, yes: true }, actions);
    }

    /// Answers NO. The last attempt closes the connection.
    pub(super) fn refuse_nick(
        &mut self,
        conn: ConnId,
        text: &str,
        rule: Rule,
        actions: &mut Vec<Action>,
    ) {
        record(conn, Outcome::Refused { asked: Asked::Nick, rule }, actions);
        self.write(conn, &RelayPacket::NickAnswer { nick: text, yes: false }, actions);
        if let Refusal::Close(..) = self.failed_try(conn, rule, String::new()) {
            let reason = format!("no free nick within {} attempts", self.limits.nick_tries);
            self.error(conn, "X_NICK", reason, actions);
            self.close(conn, CloseReason::NickTries, actions);
        }
    }

    pub(super) fn failed_try(&mut self, conn: ConnId, rule: Rule, reason: String) -> Refusal {
        let Some(client) = self.clients.get_mut(&conn) else {
            return Refusal::Declined(rule, reason);
        };
        client.nick_tries += 1;
        if client.nick.is_some() || client.nick_tries < self.limits.nick_tries {
            Refusal::Error(rule, reason)
        } else {
            Refusal::Close(rule, reason, CloseReason::NickTries)
        }
    }
}
