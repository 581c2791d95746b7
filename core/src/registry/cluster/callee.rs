//! A host of another relay calls one of this relay's: the callee's side (section 23.4).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::ReplyId;
use super::answer::CallAnswer;
use super::message::Call;
use crate::addr::{Scope, is_inner, is_nat, scope};
use crate::registry::declines::Caller;
use crate::registry::delivery::Delivery;
use crate::registry::near::NEAR;
use crate::registry::{Action, Registry, Report};
use crate::relay_caps::RelayCaps;
use crate::ticket::Ticket;

impl Registry {
    /// Answers the call of a host of another relay, at once unless it comes early.
    pub(super) fn take_call(
        &mut self,
        reply: ReplyId,
        (call, bytes): (&Call<'_>, &[u8]),
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let Some((nick, _)) = call.init() else { return };
        let is_early = self.nicks.find_callee(nick) == Err(None);
        if !is_early || !self.keep_question(nick, (reply, bytes), now) {
            self.answer_call(reply, call, actions);
        }
    }

    pub(super) fn answer_call(
        &mut self,
        reply: ReplyId,
        call: &Call<'_>,
        actions: &mut Vec<Action>,
    ) {
        let (mut ticket, mut reason) = (None, String::new());
        let answer = self.deliver_remote(call, &mut ticket, &mut reason, actions);
        if let Some(answer) = answer {
            actions.push(Action::Reply { to: reply, bytes: answer.encode() });
        }
    }

    /// Forwards the X_INIT of a host of another relay. Trusts that relay with what only it can know, and checks
    /// the rest again.
    fn deliver_remote<'a>(
        &mut self,
        call: &Call<'_>,
        ticket: &'a mut Option<String>,
        reason: &'a mut String,
        actions: &mut Vec<Action>,
    ) -> Option<CallAnswer<'a>> {
        let (nick, at) = call.init()?;
        let target = match self.nicks.find_callee(nick) {
            Ok(target) => target,
            Err(similar) => return Some(CallAnswer::Absent(similar.cloned())),
        };
        let callee = self.clients.get(&target)?;
        let (from, words) = (call.from.to_canonical(), call.words);
        let share_nat = words.near && callee.from == from && is_nat(from) && callee.supports(NEAR);
        let is_near = share_nat && is_inner(at.ip());
        if !is_near && !words.named {
            return Some(CallAnswer::Far);
        }
        let site = self.cluster.as_ref().and_then(|cluster| cluster.config.site.as_deref());
        let is_one_site = site.is_some() && site == call.site;
        if !is_near && scope(at.ip()) != Scope::Global && !is_one_site {
            let ip = at.ip();
            *reason = format!("refused: {nick} is not in the network of your address {ip}");
            return Some(CallAnswer::No(reason));
        }
        let callee_from = callee.from;
        if callee.bridged && words.own {
            actions.push(Action::Report { conn: target, report: Report::Called { at } });
        }
        let has_ticket = words.ticket && callee.supports(RelayCaps::TICKET);
        let drawn = has_ticket.then(|| Ticket::random(&mut self.entropy));
        *ticket = drawn.as_ref().map(Ticket::text);
        let ticket = ticket.as_deref();
        let delivery = Delivery { caller: Some(&call.caller), is_near, ticket, line: call.line };
        if !self.deliver(target, &delivery, actions) {
            *reason = unread(nick);
            return Some(CallAnswer::No(reason));
        }
        if let Some(drawn) = drawn.filter(|_| words.decline) {
            self.expect_decline(target, drawn, (Caller::Elsewhere(call.host), from));
        }
        let is_near = share_nat && at.ip() == from;
        Some(CallAnswer::Delivered { callee: callee_from, ticket, is_near })
    }
}

/// Returns the reason of a call to a host that does not read.
pub(in crate::registry) fn unread(nick: &str) -> String {
    format!("{nick} does not read and was disconnected")
}
