//! Calls: X_INIT (section 5.2), at this relay.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::budgets::{over_budget, too_many_guesses};
use super::cluster::unread;
use super::declines::Caller;
use super::delivery::Delivery;
use super::refusal::Refusal;
use super::{Action, ConnId, Registry, Report, Rule};
use crate::relay_caps::RelayCaps;
use crate::ticket::Ticket;
use crate::{Line, Nick, Quoted, RelayPacket, addr};

impl Registry {
    /// Forwards an X_INIT, or asks the relay of its callee to.
    pub(super) fn call(
        &mut self,
        conn: ConnId,
        nick: &str,
        at: SocketAddr,
        line: Line<'_>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        if let Some(remote) = self.find_remote(nick) {
            return match self.keep_call(conn, &remote, line, now) {
                true => Ok(()),
                false => self.call_remote(conn, remote, at, line, now, actions),
            };
        }
        let is_near = self.names_near(conn, nick, at, now);
        if !is_near {
            self.check_named(conn, at)?;
        }
        self.forward(conn, nick, (at, is_near), line, now, actions)
    }

    /// Checks that an X_INIT may name this address (section 6).
    pub(super) fn check_named(&self, conn: ConnId, at: SocketAddr) -> Result<(), Refusal> {
        let Some(client) = self.clients.get(&conn) else { return Ok(()) };
        if self.limits.any_address || client.is_allocated(at.ip(), at.port()) {
            return Ok(());
        }
        addr::check_named(at.ip(), client.from)
            .map_err(|error| Refusal::Declined(Rule::Address, format!("refused: {error}")))
    }

    /// Forwards an X_INIT byte for byte, and gives both sides a ticket if they support it.
    fn forward(
        &mut self,
        conn: ConnId,
        nick: &str,
        (at, is_near): (SocketAddr, bool),
        line: Line<'_>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let Some(from) = self.clients.get(&conn).map(|client| client.from) else { return Ok(()) };
        // A near address has cost its guess.
        let target = self.find_callee(conn, nick, is_near, now)?;
        self.vouch(conn, target, at, actions);
        let caller = self.nick(conn).cloned();
        let supports_tickets =
            |conn| self.clients.get(conn).is_some_and(|client| client.supports(RelayCaps::TICKET));
        let (caller_supports, callee_supports) =
            (supports_tickets(&conn), supports_tickets(&target));
        let drawn = (caller_supports && callee_supports).then(|| Ticket::random(&mut self.entropy));
        let ticket = drawn.as_ref().map(Ticket::text);
        let ticket = ticket.as_deref();
        let may_be_near = at.ip() == from && self.share_nat(conn, target);
        let delivery = Delivery { caller: caller.as_ref(), is_near, ticket, line };
        if self.deliver(target, &delivery, actions) {
            if let Some(drawn) = drawn.filter(|_| self.can_decline(conn)) {
                self.expect_decline(target, drawn, (Caller::Here(conn), from));
            }
            self.record_call(conn, Some(target), actions);
            if caller_supports {
                let (ip, port) = (at.ip(), at.port());
                self.write_with(conn, actions, |out| {
                    if may_be_near {
                        RelayPacket::Near.encode(out);
                    }
                    RelayPacket::TicketDue { nick, ip, port, ticket }.encode(out);
                });
            }
            Ok(())
        } else {
            Err(Refusal::Declined(Rule::CalleeNotReading, unread(nick)))
        }
    }

    /// Returns the host that a caller names. A nick that is not online costs a guess, and so does asking for a
    /// code, unless `is_paid`.
    pub(super) fn find_callee(
        &mut self,
        conn: ConnId,
        nick: &str,
        is_paid: bool,
        now: Duration,
    ) -> Result<ConnId, Refusal> {
        let Some(client) = self.clients.get_mut(&conn) else {
            return Err(Refusal::Declined(Rule::NoSuchNick, String::new()));
        };
        let from = client.from;
        let parsed = Nick::parse(nick);
        let is_code = parsed.as_ref().is_ok_and(Nick::is_one_time);
        // Checked before the lookup: else a refusal would still reveal if the code exists.
        if is_code && !is_paid && !self.addresses.may_guess(from, &self.limits, now) {
            let reason = too_many_guesses(&self.limits);
            return Err(over_budget(client, &self.limits, Rule::GuessRate, reason, now));
        }
        match self.nicks.find_callee(nick) {
            Ok(target) => Ok(target),
            Err(_) if !self.addresses.guess(from, &self.limits, now) => {
                let reason = too_many_guesses(&self.limits);
                Err(over_budget(client, &self.limits, Rule::GuessRate, reason, now))
            }
            Err(similar) => Err(Refusal::Declined(Rule::NoSuchNick, absent(nick, similar))),
        }
    }

    /// Reports a call to bridges before their clients learn of it. Whatever an X_INIT names, a bridge
    /// trusts only an address that is certainly the caller's (section 10.3).
    fn vouch(&mut self, caller: ConnId, target: ConnId, at: SocketAddr, actions: &mut Vec<Action>) {
        let (Some(from), Some(to)) = (self.clients.get(&caller), self.clients.get(&target)) else {
            return;
        };
        let is_allocated = from.is_allocated(at.ip(), at.port());
        if from.bridged && is_allocated {
            actions.push(Action::Report {
                conn: caller,
                report: Report::Named { at, callee: Some(to.from) },
            });
        }
        if to.bridged && (is_allocated || at.ip() == from.from) {
            actions.push(Action::Report { conn: target, report: Report::Called { at } });
        }
    }
}

/// Returns the reason of a call to a nick that is not online, though a look-alike may be.
pub(super) fn absent(nick: &str, similar: Option<&Nick>) -> String {
    match (Nick::parse(nick), similar) {
        (Ok(nick), Some(other)) => {
            format!("no such nick: {nick}; the look-alike {other} is online")
        }
        (Ok(nick), None) => format!("no such nick: {nick}"),
        (Err(_), _) => format!("no such nick: {}", Quoted(nick)),
    }
}
