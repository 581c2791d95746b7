//! Requests under way: this relay's, which wait for answers, and other relays', which wait for its own.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;
use xcher_core::registry::{ReplyId, RequestId};

/// This relay's requests.
#[derive(Default)]
pub(super) struct Requests {
    deadlines: HashMap<RequestId, Instant>,
    by_deadline: BTreeSet<(Instant, RequestId)>,
}

impl Requests {
    pub(super) fn insert(&mut self, request: RequestId, deadline: Instant) {
        if let Some(old) = self.deadlines.insert(request, deadline) {
            self.by_deadline.remove(&(old, request));
        }
        self.by_deadline.insert((deadline, request));
    }

    /// Ends a request. Returns false if it has ended already.
    pub(super) fn end(&mut self, request: RequestId) -> bool {
        let Some(deadline) = self.deadlines.remove(&request) else { return false };
        self.by_deadline.remove(&(deadline, request));
        true
    }

    /// Ends the first request whose time is over, and returns it.
    pub(super) fn expire(&mut self, now: Instant) -> Option<RequestId> {
        let (_, request) = *self.by_deadline.first().filter(|(deadline, _)| *deadline <= now)?;
        self.end(request);
        Some(request)
    }

    /// Ends all requests, and returns them in the order of their deadlines.
    pub(super) fn end_all(&mut self) -> impl Iterator<Item = RequestId> {
        self.deadlines.clear();
        std::mem::take(&mut self.by_deadline).into_iter().map(|(_, request)| request)
    }
}

/// Where the answers to other relays' requests go.
#[derive(Default)]
pub(super) struct Replies {
    subjects: HashMap<ReplyId, async_nats::Subject>,
    by_age: VecDeque<(Instant, ReplyId)>,
    number: u64,
}

/// Time after which no relay waits for an answer any more.
const REPLY_TIMEOUT: Duration = Duration::from_secs(30);
/// The most requests of other relays that wait for an answer; the oldest gives way to a new one.
const MAX_REPLIES: usize = 65_536;

impl Replies {
    pub(super) fn insert(&mut self, subject: async_nats::Subject, now: Instant) -> ReplyId {
        self.number += 1;
        let reply = ReplyId(self.number);
        while let Some((came, oldest)) = self.by_age.front().copied() {
            let is_over = now.saturating_duration_since(came) > REPLY_TIMEOUT;
            if !is_over && self.by_age.len() < MAX_REPLIES {
                break;
            }
            self.by_age.pop_front();
            self.subjects.remove(&oldest);
        }
        self.by_age.push_back((now, reply));
        self.subjects.insert(reply, subject);
        reply
    }

    pub(super) fn remove(&mut self, reply: ReplyId) -> Option<async_nats::Subject> {
        self.subjects.remove(&reply)
    }

    pub(super) fn clear(&mut self) {
        self.subjects.clear();
        self.by_age.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_expire_in_the_order_of_their_deadlines() {
        let (mut requests, now) = (Requests::default(), Instant::now());
        let after = |seconds| now + Duration::from_secs(seconds);
        for (number, seconds) in [(1, 3), (2, 1), (3, 2), (4, 9)] {
            requests.insert(RequestId(number), after(seconds));
        }
        assert!(requests.end(RequestId(3)) && !requests.end(RequestId(3)));
        assert_eq!(requests.expire(now), None);
        assert_eq!(requests.expire(after(5)), Some(RequestId(2)));
        assert_eq!(requests.expire(after(5)), Some(RequestId(1)));
        assert_eq!(requests.expire(after(5)), None);
        assert_eq!(requests.end_all().collect::<Vec<_>>(), [RequestId(4)]);
        assert!(!requests.end(RequestId(4)));
    }

    #[test]
    fn answers_are_bounded_in_number_and_age() {
        let (mut replies, now) = (Replies::default(), Instant::now());
        let first = replies.insert("a".into(), now);
        let second = replies.insert("b".into(), now);
        assert_eq!(replies.remove(second).as_deref(), Some("b"));
        assert_eq!(replies.remove(second), None);
        for _ in 0..MAX_REPLIES {
            replies.insert("c".into(), now);
        }
        assert_eq!((replies.remove(first), replies.by_age.len()), (None, MAX_REPLIES));
        assert!(replies.subjects.len() <= MAX_REPLIES);
        replies.insert("d".into(), now + REPLY_TIMEOUT * 2);
        assert_eq!((replies.by_age.len(), replies.subjects.len()), (1, 1));
    }
}
