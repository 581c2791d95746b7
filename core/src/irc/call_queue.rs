//! Calls on their way to the server, as fast as it permits.

use alloc::collections::VecDeque;
use core::time::Duration;

use super::case_mapping::CaseMapping;
use super::ctcp::Call;
use super::output::IrcOutput;
use crate::rate_limit::{Budget, Rate};

/// A server closes clients that send faster for long (RFC 1459, section 8.10).
const RATE: Rate = Rate { burst: 5, interval: Duration::from_secs(2) };
/// Calls that wait: of more, the last would be sent when their callers have given up.
const MAX_WAITING: usize = 8;
/// Calls that an error of the server may still be about.
const MAX_SENT: usize = 16;

/// The calls of this host.
#[derive(Default)]
pub(super) struct CallQueue {
    waiting: VecDeque<Call>,
    sent: VecDeque<Call>,
    budget: Budget,
}

impl CallQueue {
    /// Adds a call. Returns it if too many wait.
    pub(super) fn push(&mut self, call: Call) -> Result<(), Call> {
        if self.waiting.len() >= MAX_WAITING {
            return Err(call);
        }
        self.waiting.push_back(call);
        Ok(())
    }

    /// Sends the calls that are due.
    pub(super) fn send(&mut self, now: Duration, output: &mut IrcOutput) {
        while !self.waiting.is_empty() && self.budget.spend_one(RATE, now) {
            let Some(call) = self.waiting.pop_front() else { return };
            call.send(output);
            if self.sent.len() >= MAX_SENT {
                self.sent.pop_front();
            }
            self.sent.push_back(call);
        }
    }

    /// Returns the time at which the next call is due.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let full_at = self.budget.full_at();
        let due = full_at.saturating_sub(RATE.interval.saturating_mul(RATE.burst - 1));
        (!self.waiting.is_empty()).then_some(due)
    }

    /// Takes the oldest call to this IRC nick that was sent.
    pub(super) fn take_sent(&mut self, nick: &str, mapping: CaseMapping) -> Option<Call> {
        let at = self.sent.iter().position(|call| mapping.eq(call.to.as_str(), nick))?;
        self.sent.remove(at)
    }
}
