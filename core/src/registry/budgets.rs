//! What clients may ask for, and how often (section 8).

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use super::client::Client;
use super::refusal::Refusal;
use super::{CloseReason, ConnId, Registry, Rule};
use crate::RelayLimits;

impl Registry {
    /// Spends the cost of an answer from the address's budget.
    pub(super) fn spend_answer(
        &mut self,
        conn: ConnId,
        bytes: usize,
        now: Duration,
    ) -> Result<(), Refusal> {
        let Some(client) = self.clients.get_mut(&conn) else { return Ok(()) };
        if self.addresses.answer(client.from, bytes, &self.limits, now) {
            return Ok(());
        }
        let limit = self.limits.answer_bytes_per_minute;
        let reason =
            format!("too many answers to your address: the limit is {limit} bytes per minute");
        Err(over_budget(client, &self.limits, Rule::AnswerRate, reason, now))
    }
}

pub(super) fn needs_nick(client: &Client) -> Result<(), Refusal> {
    match client.nick {
        Some(_) => Ok(()),
        None => Err(Refusal::Error(Rule::NickFirst, "X_NICK must come first".into())),
    }
}

pub(super) fn spend(
    client: &mut Client,
    limits: &RelayLimits,
    now: Duration,
) -> Result<(), Refusal> {
    let limit = limits.asks_per_minute;
    if client.asks.spend(limit, now) {
        Ok(())
    } else {
        let reason = format!("too many X_INIT, X_MEET and X_WHO: the limit is {limit} per minute");
        Err(over_budget(client, limits, Rule::AskRate, reason, now))
    }
}

/// Refuses a packet over budget. Refusals have a budget themselves.
pub(super) fn over_budget(
    client: &mut Client,
    limits: &RelayLimits,
    rule: Rule,
    why: String,
    now: Duration,
) -> Refusal {
    if client.refusals.spend(limits.asks_per_minute, now) {
        Refusal::Declined(rule, why)
    } else {
        Refusal::Close(rule, why, CloseReason::TooManyErrors)
    }
}

pub(super) fn too_many_guesses(limits: &RelayLimits) -> String {
    let RelayLimits { guesses, guess_interval, .. } = limits;
    format!(
        "too many calls to absent nicks from your address: the limit is {guesses}, and one more every \
         {guess_interval:?}; try again later"
    )
}
