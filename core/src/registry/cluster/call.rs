//! A host calls another that is at another relay: the caller's side (section 23.4).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::answer::CallAnswer;
use super::in_turn::InTurn;
use super::message::{Call, CallWords, HostRef, Notice};
use super::requests::Purpose;
use super::{Answer, REQUEST_TIMEOUT, Subject};
use crate::addr::{check_dial_port, is_inner, is_nat};
use crate::registry::budgets::{over_budget, too_many_guesses};
use crate::registry::calls::absent;
use crate::registry::near::NEAR;
use crate::registry::refusal::Refusal;
use crate::registry::{Action, ConnId, Registry, Report, Rule};
use crate::relay_caps::RelayCaps;
use crate::{Line, Nick, RelayPacket};

/// An X_INIT that waits for the callee's relay.
pub(super) struct RemoteCall {
    pub(super) conn: ConnId,
    nick: Nick,
    at: SocketAddr,
    /// True if asking for the nick has cost a guess that is given back if it is there.
    is_guess: bool,
    /// The request, for the relays of look-alikes.
    pub(super) in_turn: InTurn,
}

impl Registry {
    /// Returns the nick that a host of another relay may have.
    pub(in crate::registry) fn find_remote(&self, nick: &str) -> Option<Nick> {
        self.cluster.as_ref()?;
        let is_here = match self.nicks.find_callee(nick) {
            Ok(conn) => self.clients.get(&conn).is_some_and(|client| !client.has_moved),
            Err(similar) => similar.is_some(),
        };
        if is_here { None } else { Nick::parse(nick).ok() }
    }

    /// Asks the relay of the callee to forward an X_INIT, and lets the caller wait.
    pub(in crate::registry) fn call_remote(
        &mut self,
        conn: ConnId,
        nick: Nick,
        at: SocketAddr,
        line: Line<'_>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let Some(client) = self.clients.get(&conn) else { return Ok(()) };
        let (from, may_be_near) = (client.from, client.supports(NEAR));
        let is_inner = is_inner(at.ip()) && check_dial_port(at.port()).is_ok() && is_nat(from);
        // As at one relay, such a call to a code costs a guess whatever becomes of it.
        let is_paid = is_inner
            && may_be_near
            && nick.is_one_time()
            && self.addresses.guess(from, &self.limits, now);
        let is_near_call = is_inner && may_be_near && (is_paid || !nick.is_one_time());
        let named = self.check_named(conn, at);
        let is_named = match named {
            Ok(()) => true,
            Err(_) if is_near_call => false,
            Err(refusal) => return Err(refusal),
        };
        let is_guess = self.guess_remote(conn, &nick, is_paid, now)?;
        let (Some(cluster), Some(client)) = (&self.cluster, self.clients.get_mut(&conn)) else {
            return Ok(());
        };
        let Some(caller) = client.nick.clone() else { return Ok(()) };
        let is_allocated = client.is_allocated(at.ip(), at.port());
        let words = CallWords {
            ticket: client.supports(RelayCaps::TICKET),
            near: client.supports(NEAR),
            own: is_allocated || at.ip() == client.from,
            named: is_named,
            decline: client.supports(RelayCaps::DECLINE),
        };
        client.waits = true;
        // Before the callee can connect there.
        if client.bridged && is_allocated {
            actions.push(Action::Report { conn, report: Report::Named { at, callee: None } });
        }
        let site = cluster.config.site.as_deref();
        let host = HostRef { relay: cluster.config.relay, conn };
        let bytes = Call { host, caller, from, site, words, line }.encode();
        let mut in_turn = InTurn::new(&nick, bytes);
        let Some(request) = in_turn.next() else { return Ok(()) };
        let call = RemoteCall { conn, nick, at, is_guess, in_turn };
        self.request(request, REQUEST_TIMEOUT, Purpose::Call(Box::new(call)), actions);
        Ok(())
    }

    /// Checks that a host may ask other relays for a nick. Asking for a code costs a guess, so that no address
    /// asks for many at once; it is given back if the code is there. Returns true if it was spent.
    pub(super) fn guess_remote(
        &mut self,
        conn: ConnId,
        nick: &Nick,
        is_paid: bool,
        now: Duration,
    ) -> Result<bool, Refusal> {
        let (Some(cluster), Some(client)) = (&self.cluster, self.clients.get_mut(&conn)) else {
            return Ok(false);
        };
        let is_connected = cluster.is_connected;
        let is_guess = !is_paid && (nick.is_one_time() || !is_connected);
        if is_guess && !self.addresses.guess(client.from, &self.limits, now) {
            let reason = too_many_guesses(&self.limits);
            return Err(over_budget(client, &self.limits, Rule::GuessRate, reason, now));
        }
        if !is_connected {
            return Err(unreachable(nick));
        }
        Ok(is_guess)
    }

    /// Returns the refusal of a nick that no relay has, which costs a guess.
    pub(super) fn absent_remote(
        &mut self,
        conn: ConnId,
        nick: &Nick,
        similar: Option<&Nick>,
        now: Duration,
    ) -> Refusal {
        let Some(client) = self.clients.get_mut(&conn) else {
            return Refusal::Declined(Rule::NoSuchNick, String::new());
        };
        // A code has cost its guess.
        if !nick.is_one_time() && !self.addresses.guess(client.from, &self.limits, now) {
            let reason = too_many_guesses(&self.limits);
            return over_budget(client, &self.limits, Rule::GuessRate, reason, now);
        }
        Refusal::Declined(Rule::NoSuchNick, absent(nick.as_str(), similar))
    }

    pub(super) fn call_answered(
        &mut self,
        call: &RemoteCall,
        answer: Answer<'_>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let conn = call.conn;
        if let Err(refusal) = self.end_call(call, answer, now, actions) {
            self.refuse(conn, "X_INIT", refusal, actions);
        }
        self.resume(conn, now, actions);
    }

    fn end_call(
        &mut self,
        call: &RemoteCall,
        answer: Answer<'_>,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let RemoteCall { conn, nick, at, .. } = call;
        let Some(client) = self.clients.get(conn) else { return Ok(()) };
        let answer = match answer {
            Answer::Nobody => Some(CallAnswer::Absent(None)),
            Answer::Failed => None,
            Answer::Reply(bytes) => CallAnswer::parse(bytes),
        };
        if call.is_guess && !matches!(answer, None | Some(CallAnswer::Absent(_))) {
            self.addresses.refund_guess(client.from, &self.limits);
        }
        match answer {
            None => Err(unreachable(nick)),
            Some(CallAnswer::No(reason)) => Err(Refusal::Declined(Rule::OtherRelay, reason.into())),
            Some(CallAnswer::Absent(similar)) => {
                Err(self.absent_remote(*conn, nick, similar.as_ref(), now))
            }
            Some(CallAnswer::Far) => match self.check_named(*conn, *at) {
                Err(refusal) => Err(refusal),
                Ok(()) => Err(unreachable(nick)),
            },
            Some(CallAnswer::Delivered { callee, ticket, is_near }) => {
                if client.bridged && client.is_allocated(at.ip(), at.port()) {
                    let report = Report::Named { at: *at, callee: Some(callee) };
                    actions.push(Action::Report { conn: *conn, report });
                }
                if client.supports(RelayCaps::TICKET) {
                    let (nick, ip, port) = (nick.as_str(), at.ip(), at.port());
                    self.write_with(*conn, actions, |out| {
                        if is_near {
                            RelayPacket::Near.encode(out);
                        }
                        RelayPacket::TicketDue { nick, ip, port, ticket }.encode(out);
                    });
                }
                self.record_call(*conn, None, actions);
                Ok(())
            }
        }
    }
}

impl Registry {
    /// Tells the relay of a caller that its call is declined.
    pub(in crate::registry) fn publish_decline(
        &mut self,
        caller: HostRef,
        ticket: &str,
        actions: &mut Vec<Action>,
    ) {
        let to = Subject::Relay(caller.relay);
        actions.push(Action::Publish { to, bytes: Notice::Declined(caller, ticket).encode() });
    }

    /// Another relay says that a call of one of this relay's hosts is declined.
    pub(super) fn declined_remotely(
        &mut self,
        caller: HostRef,
        ticket: &str,
        actions: &mut Vec<Action>,
    ) {
        if self.cluster.as_ref().is_some_and(|cluster| cluster.config.relay == caller.relay) {
            self.tell_declined(caller.conn, ticket, actions);
        }
    }
}

/// Returns the refusal of a call that other relays cannot be asked about.
pub(super) fn unreachable(nick: &Nick) -> Refusal {
    let reason = format!(
        "{nick} cannot be reached now, because this relay has no connection to the others; try again later"
    );
    Refusal::Declined(Rule::Unreachable, reason)
}
