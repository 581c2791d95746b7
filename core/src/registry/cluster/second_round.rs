//! Questions about a nick at which nobody was: each is asked once more (section 23.4).
//!
//! While a host moves, its old relay has given the nick up, and the subscription of its new one has not yet spread to the
//! server of the relay that asks.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::requests::Purpose;
use super::{Answer, REQUEST_TIMEOUT};
use crate::registry::{Action, Registry};

/// Time for a subscription to spread.
const SPREAD_TIME: Duration = Duration::from_millis(50);

/// The questions that wait, of which the first has waited for longest. Each client has at most one.
#[derive(Default)]
pub(super) struct SecondRounds(VecDeque<(Duration, Purpose)>);

impl SecondRounds {
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.0.front().map(|(at, _)| *at)
    }
}

impl Registry {
    /// Nobody is at a subject: asks at the next one, or keeps the question for its second round. Returns it if it has
    /// no further one, or its client has left.
    pub(super) fn ask_on(
        &mut self,
        mut question: Purpose,
        now: Duration,
        actions: &mut Vec<Action>,
    ) -> Option<Purpose> {
        let cluster = self.cluster.as_mut()?;
        let Some((conn, in_turn)) = question.in_turn() else { return Some(question) };
        if !self.clients.contains_key(&conn) {
            return Some(question);
        }
        if in_turn.is_between_rounds() {
            cluster.second_rounds.0.push_back((now.saturating_add(SPREAD_TIME), question));
            return None;
        }
        let Some(request) = in_turn.next() else { return Some(question) };
        self.request(request, REQUEST_TIMEOUT, question, actions);
        None
    }

    /// Asks the questions whose second round is due.
    pub(super) fn ask_due_again(&mut self, now: Duration, actions: &mut Vec<Action>) {
        while let Some(cluster) = &mut self.cluster
            && cluster.second_rounds.next_deadline().is_some_and(|at| at <= now)
            && let Some((_, mut question)) = cluster.second_rounds.0.pop_front()
        {
            if let Some(request) = question.in_turn().and_then(|(_, in_turn)| in_turn.next()) {
                self.request(request, REQUEST_TIMEOUT, question, actions);
            }
        }
    }

    /// Ends those that wait: the bus is lost.
    pub(super) fn end_second_rounds(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let Some(cluster) = &mut self.cluster else { return };
        for (_, question) in mem::take(&mut cluster.second_rounds.0) {
            self.request_ended(question, Answer::Failed, now, actions);
        }
    }
}
