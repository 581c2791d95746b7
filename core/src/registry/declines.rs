//! Callees decline calls, and callers learn of it (section 5.13).

use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use super::budgets::needs_nick;
use super::cluster::HostRef;
use super::refusal::Refusal;
use super::{Action, ConnId, Registry, Rule};
use crate::RelayPacket;
use crate::addr::client_prefix;
use crate::relay_caps::RelayCaps;
use crate::ticket::Ticket;

/// The last calls to a host that it can decline, and those of them from one address.
const MAX_CALLS: usize = 32;
const MAX_CALLS_OF_ADDRESS: usize = 8;

/// The last calls to a host, each until it is declined. Oldest first.
#[derive(Default)]
pub(super) struct DeclinableCalls(Vec<DeclinableCall>);

struct DeclinableCall {
    ticket: Ticket,
    caller: Caller,
    /// The prefix of the caller's address that counts as one client.
    prefix: IpAddr,
}

/// The caller of a call.
#[derive(Clone, Copy)]
pub(super) enum Caller {
    Here(ConnId),
    /// At another relay of the cluster.
    Elsewhere(HostRef),
}

impl DeclinableCalls {
    /// Adds a call. If there are too many, the oldest makes room, of the same address if that has many.
    fn add(&mut self, ticket: Ticket, caller: Caller, from: IpAddr) {
        let prefix = client_prefix(from);
        let is_same = |call: &DeclinableCall| call.prefix == prefix;
        let of_address = self.0.iter().filter(|call| is_same(call)).count();
        if of_address >= MAX_CALLS_OF_ADDRESS
            && let Some(at) = self.0.iter().position(is_same)
        {
            self.0.remove(at);
        } else if self.0.len() >= MAX_CALLS {
            self.0.remove(0);
        }
        self.0.push(DeclinableCall { ticket, caller, prefix });
    }

    /// Takes the call that this ticket belongs to. Compares in constant time.
    fn take(&mut self, ticket: &Ticket) -> Option<Caller> {
        let at = self.0.iter().position(|call| call.ticket.matches(ticket))?;
        Some(self.0.remove(at).caller)
    }
}

impl Registry {
    /// Returns true if a host of this relay has tickets and declined calls in force.
    pub(super) fn can_decline(&self, conn: ConnId) -> bool {
        let words = RelayCaps::TICKET.with(RelayCaps::DECLINE);
        self.clients.get(&conn).is_some_and(|client| client.supports(words))
    }

    /// Remembers a forwarded call of a caller that wants to know if it is declined.
    pub(super) fn expect_decline(
        &mut self,
        callee: ConnId,
        ticket: Ticket,
        (caller, from): (Caller, IpAddr),
    ) {
        if self.can_decline(callee)
            && let Some(client) = self.clients.get_mut(&callee)
        {
            client.calls.add(ticket, caller, from);
        }
    }

    /// Processes a callee's X_DECLINE. A ticket that belongs to no call of the host has no effect: the call may be
    /// over. Such tickets have a budget.
    pub(super) fn receive_decline(
        &mut self,
        conn: ConnId,
        text: &str,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let is_in_force = self.can_decline(conn);
        let limit = self.limits.asks_per_minute;
        let Some(client) = self.clients.get_mut(&conn) else { return Ok(()) };
        needs_nick(client)?;
        if !is_in_force {
            let reason = "X_CAPS with the words ticket and decline must come first";
            return Err(Refusal::Error(Rule::CapsFirst, reason.into()));
        }
        let taken = Ticket::parse(text).and_then(|ticket| client.calls.take(&ticket));
        match taken {
            Some(Caller::Here(caller)) => self.tell_declined(caller, text, actions),
            Some(Caller::Elsewhere(caller)) => self.publish_decline(caller, text, actions),
            None if client.wrong_declines.spend(limit, now) => {}
            None => return Err(Refusal::Error(Rule::AskRate, "too many X_DECLINE".into())),
        }
        Ok(())
    }

    /// Tells a caller of this relay, if it is still there, that its call is declined.
    pub(super) fn tell_declined(
        &mut self,
        caller: ConnId,
        ticket: &str,
        actions: &mut Vec<Action>,
    ) {
        if self.can_decline(caller) {
            self.write(caller, &RelayPacket::Decline(ticket), actions);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secure::Entropy;

    #[test]
    fn a_caller_does_not_push_out_the_calls_of_others() {
        let mut entropy = Entropy::new([7; 32]);
        let mut calls = DeclinableCalls::default();
        let mut call = |calls: &mut DeclinableCalls, from: [u8; 4], conn| {
            let ticket = Ticket::random(&mut entropy);
            calls.add(ticket.clone(), Caller::Here(ConnId(conn)), from.into());
            ticket
        };
        let kims = call(&mut calls, [192, 0, 2, 1], 1);
        let floods: Vec<_> = (0..100).map(|_| call(&mut calls, [192, 0, 2, 9], 2)).collect();
        assert_eq!(calls.0.len(), 1 + MAX_CALLS_OF_ADDRESS);
        assert!(matches!(calls.take(&kims), Some(Caller::Here(ConnId(1)))));
        assert!(calls.take(&kims).is_none(), "once");
        assert!(calls.take(&floods[0]).is_none() && calls.take(&floods[99]).is_some());
        for from in 0..100 {
            call(&mut calls, [198, 51, 100, from], 3);
        }
        assert_eq!(calls.0.len(), MAX_CALLS);
    }
}
