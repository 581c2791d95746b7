//! Questions about a nick at which nobody was: each is asked once more (section 23.4).
//!
//! While a host moves, its old relay has given the nick up, and the subscription of its new one has not yet spread to the
//! server of the relay that asks.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::in_turn::InTurn;
use super::requests::Purpose;
use super::{Answer, REQUEST_TIMEOUT, Subject};
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
    /// Asks at the next subject of a round, or after the last one keeps the question for its second round.
    pub(super) fn ask_on(
        &mut self,
        next: Option<(Subject, Vec<u8>)>,
        question: Purpose,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        match (next, &mut self.cluster) {
            (Some(request), _) => self.request(request, REQUEST_TIMEOUT, question, actions),
            (None, Some(cluster)) => {
                let due = now.saturating_add(SPREAD_TIME);
                cluster.second_rounds.0.push_back((due, question));
            }
            (None, None) => {}
        }
    }

    /// Asks the questions whose second round is due.
    pub(super) fn ask_due_again(&mut self, now: Duration, actions: &mut Vec<Action>) {
        while let Some(cluster) = &mut self.cluster
            && cluster.second_rounds.next_deadline().is_some_and(|at| at <= now)
            && let Some((_, mut question)) = cluster.second_rounds.0.pop_front()
        {
            match question.in_turn().and_then(InTurn::next) {
                Some(request) => self.request(request, REQUEST_TIMEOUT, question, actions),
                None => self.request_ended(question, Answer::Nobody, now, actions),
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
