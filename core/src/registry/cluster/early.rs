//! Calls that come early: to a nick that no host of this relay has yet (section 23.4).
//!
//! A relay is asked for a nick that it does not have while a host of it waits for the nick, and shortly after one has
//! left it. Another relay may have the nick: that answers first. Where a host moves here, the other one may have given the
//! nick up already.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::message::Question;
use super::{Cluster, ReplyId};
use crate::registry::{Action, ConnId, Registry};
use crate::{Line, Nick, RelayPacket};

/// Time for which an early call is kept: less than the caller's relay waits for.
const EARLY_TIMEOUT: Duration = Duration::from_secs(1);
/// Early calls kept at once.
const MAX_EARLY: usize = 256;

/// The early calls, of which the first has waited for longest.
#[derive(Default)]
pub(super) struct EarlyCalls(VecDeque<EarlyCall>);

struct EarlyCall {
    until: Duration,
    callee: Box<str>,
    call: Kept,
}

enum Kept {
    /// The X_CALL of another relay.
    Question(ReplyId, Box<[u8]>),
    /// The X_INIT of a host of this relay, which waits.
    Line(ConnId, Box<str>),
}

impl EarlyCalls {
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.0.front().map(|early| early.until)
    }
}

impl Cluster {
    /// Keeps a call, unless there are too many. Returns true if it does.
    fn keep(&mut self, callee: &str, call: Kept, now: Duration) -> bool {
        let has_room = self.early.0.len() < MAX_EARLY;
        if has_room {
            let until = now.saturating_add(EARLY_TIMEOUT);
            self.early.0.push_back(EarlyCall { until, callee: callee.into(), call });
        }
        has_room
    }
}

impl Registry {
    /// Keeps the X_CALL of another relay to a nick that this one does not have. Returns true if it does.
    pub(super) fn keep_question(
        &mut self,
        callee: &str,
        (reply, question): (ReplyId, &[u8]),
        now: Duration,
    ) -> bool {
        let call = Kept::Question(reply, question.into());
        self.cluster.as_mut().is_some_and(|cluster| cluster.keep(callee, call, now))
    }

    /// Keeps the X_INIT of a host, which waits, if another host of this relay waits for the nick. Returns true if it
    /// does.
    pub(in crate::registry) fn keep_call(
        &mut self,
        conn: ConnId,
        callee: &Nick,
        line: Line<'_>,
        now: Duration,
    ) -> bool {
        let (Some(cluster), Some(client)) = (&mut self.cluster, self.clients.get_mut(&conn)) else {
            return false;
        };
        // A wait tells of a code, too.
        let may_wait =
            !callee.is_one_time() || self.addresses.may_guess(client.from, &self.limits, now);
        let callee = callee.as_str();
        let is_early =
            may_wait && cluster.pending.len() > 0 && cluster.pending.find_callee(callee).is_ok();
        client.waits = is_early && cluster.keep(callee, Kept::Line(conn, line.raw().into()), now);
        client.waits
    }

    /// Forwards the early calls to a nick that a host has got. Where it was refused, those of this relay's hosts go to
    /// the relay that has it.
    pub(super) fn end_early(
        &mut self,
        nick: &Nick,
        is_granted: bool,
        now: Duration,
        actions: &mut Vec<Action>,
    ) {
        let Some(cluster) = &mut self.cluster else { return };
        let is_over = |early: &EarlyCall| {
            let is_line = matches!(early.call, Kept::Line(..));
            (is_granted || is_line) && early.callee.eq_ignore_ascii_case(nick.as_str())
        };
        let (over, left) = mem::take(&mut cluster.early.0).into_iter().partition(is_over);
        cluster.early.0 = left;
        let over: VecDeque<EarlyCall> = over;
        for early in over {
            match early.call {
                Kept::Question(reply, question) => self.requested(reply, &question, now, actions),
                Kept::Line(conn, line) => self.call_again(conn, &line, now, actions),
            }
        }
    }

    /// Ends the wait of the early calls that have waited for long enough.
    pub(super) fn end_due_early(&mut self, now: Duration, actions: &mut Vec<Action>) {
        while let Some(cluster) = &mut self.cluster
            && cluster.early.next_deadline().is_some_and(|at| at <= now)
            && let Some(early) = cluster.early.0.pop_front()
        {
            match early.call {
                Kept::Question(reply, question) => {
                    if let Some(Question::Call(call)) = Question::parse(&question) {
                        self.answer_call(reply, &call, actions);
                    }
                }
                Kept::Line(conn, line) => self.call_again(conn, &line, now, actions),
            }
        }
    }

    /// Handles a kept X_INIT, and what its sender has sent meanwhile.
    fn call_again(&mut self, conn: ConnId, line: &str, now: Duration, actions: &mut Vec<Action>) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        client.waits = false;
        if let Some(line) = Line::whole(line)
            && let Ok(RelayPacket::Init { nick, ip, port }) = RelayPacket::parse(line)
            && let Err(refusal) = self.call(conn, nick, (ip, port).into(), line, now, actions)
        {
            self.refuse(conn, line.text(), refusal, actions);
        }
        self.read_lines(conn, now, actions);
    }
}
