//! What waits to be sent to NATS, in the order of the registry's actions.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use xcher_core::registry::{Action, ReplyId, RequestId, Subject};

use super::requests::{Replies, Requests};
use super::status::Status;
use super::subjects::Subjects;
use crate::relay::bus::Bus;

/// The most bytes of messages that wait; a request above it fails at once.
const MAX_WAITING_BYTES: usize = 1 << 20;
/// What a message costs in memory besides its bytes, estimated.
const MESSAGE_OVERHEAD: usize = 128;

/// The registry's side of the connection.
pub(super) struct Outbox {
    subjects: Subjects,
    status: Arc<Status>,
    state: Mutex<State>,
    /// Notified when an entry was added.
    filled: Notify,
    /// Notified when a request has failed.
    failed: Notify,
}

/// A thing to do on the connection.
pub(super) enum Entry {
    Subscribe(Subject),
    Unsubscribe(Subject),
    Send { to: async_nats::Subject, reply: Option<String>, bytes: Bytes },
    Flush(oneshot::Sender<()>),
}

#[derive(Default)]
struct State {
    /// Set while NATS is reachable.
    is_open: bool,
    queue: VecDeque<Entry>,
    waiting_bytes: usize,
    /// While NATS is not reachable: what must become of subscriptions when it is. One for each subject, however
    /// often clients come and go.
    changes: HashMap<Subject, Change>,
    requests: Requests,
    replies: Replies,
    failed: Vec<RequestId>,
}

#[derive(Clone, Copy, PartialEq)]
enum Change {
    Subscribe,
    Unsubscribe,
}

impl Outbox {
    pub(super) fn new(subjects: Subjects, status: Arc<Status>) -> Self {
        let (filled, failed) = (Notify::new(), Notify::new());
        Self { subjects, status, state: Mutex::default(), filled, failed }
    }

    /// Returns the name of a subject in NATS.
    pub(super) fn subject(&self, subject: &Subject) -> String {
        self.subjects.name(subject)
    }

    /// Passes on what waits, from now on in order: first what has changed in the subscriptions.
    pub(super) fn open(&self) {
        let mut state = self.lock();
        let State { changes, queue, .. } = &mut *state;
        queue.extend(std::mem::take(changes).into_iter().map(|(subject, change)| match change {
            Change::Subscribe => Entry::Subscribe(subject),
            Change::Unsubscribe => Entry::Unsubscribe(subject),
        }));
        state.is_open = true;
        drop(state);
        self.filled.notify_one();
    }

    /// Drops messages and refuses new ones; subscriptions wait. All requests under way fail.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_open = false;
        for entry in std::mem::take(&mut state.queue) {
            match entry {
                Entry::Subscribe(subject) => state.change(subject, Change::Subscribe),
                Entry::Unsubscribe(subject) => state.change(subject, Change::Unsubscribe),
                // Dropping the sender of a flush ends the wait for it.
                Entry::Send { .. } | Entry::Flush(_) => {}
            }
        }
        state.waiting_bytes = 0;
        state.replies.clear();
        let State { requests, failed, .. } = &mut *state;
        failed.extend(requests.end_all());
        drop(state);
        self.failed.notify_one();
    }

    /// Waits for the next entry.
    pub(super) async fn next(&self) -> Entry {
        loop {
            if let Some(entry) = self.pop() {
                return entry;
            }
            self.filled.notified().await;
        }
    }

    fn pop(&self) -> Option<Entry> {
        let mut state = self.lock();
        let entry = state.queue.pop_front()?;
        if let Entry::Send { to, bytes, .. } = &entry {
            state.waiting_bytes = state.waiting_bytes.saturating_sub(cost(to, bytes));
        }
        Some(entry)
    }

    /// Waits until all entries so far were written to the connection, or never can be.
    pub(super) async fn flushed(&self) {
        let (done, flushed) = oneshot::channel();
        if self.queue_flush(done) {
            let _ = flushed.await;
        }
    }

    fn queue_flush(&self, done: oneshot::Sender<()>) -> bool {
        let mut state = self.lock();
        if state.is_open {
            state.queue.push_back(Entry::Flush(done));
            self.filled.notify_one();
        }
        state.is_open
    }

    /// Ends requests whose time is over.
    pub(super) fn expire(&self, now: Instant) {
        let mut state = self.lock();
        while let Some(request) = state.requests.expire(now) {
            state.failed.push(request);
        }
    }

    /// Ends a request because its answer came. Returns false if it has ended already.
    pub(super) fn answered(&self, request: RequestId) -> bool {
        self.lock().requests.end(request)
    }

    /// Remembers where the answer to another relay's request goes.
    pub(super) fn requested(&self, reply: async_nats::Subject) -> ReplyId {
        self.lock().replies.insert(reply, Instant::now())
    }

    /// Returns the requests that have failed since the last call.
    pub(super) fn take_failed(&self) -> Vec<RequestId> {
        std::mem::take(&mut self.lock().failed)
    }

    /// Waits for a request to fail.
    pub(super) async fn request_failed(&self) {
        self.failed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bus for Outbox {
    fn carry_out(&self, action: Action) {
        let mut state = self.lock();
        match action {
            Action::Subscribe(subject) => state.subscription(subject, Change::Subscribe),
            Action::Unsubscribe(subject) => state.subscription(subject, Change::Unsubscribe),
            Action::Request { id, to, bytes, timeout } => {
                let (to, inbox) = (self.subjects.name(&to), self.subjects.inbox(id));
                if state.send(to.into(), Some(inbox), bytes) {
                    state.requests.insert(id, Instant::now() + timeout);
                } else {
                    state.failed.push(id);
                    self.failed.notify_one();
                }
            }
            Action::Reply { to, bytes } => {
                // Absent if the answer comes too late.
                if let Some(to) = state.replies.remove(to)
                    && !state.send(to, None, bytes)
                {
                    Status::count(&self.status.dropped);
                }
            }
            Action::Publish { to, bytes } => {
                let to = self.subjects.name(&to);
                if !state.send(to.into(), None, bytes) {
                    Status::count(&self.status.dropped);
                }
            }
            Action::Write { .. }
            | Action::Report { .. }
            | Action::Record { .. }
            | Action::Close { .. }
            | Action::Ask(_) => {}
        }
        let is_filled = !state.queue.is_empty();
        drop(state);
        if is_filled {
            self.filled.notify_one();
        }
    }
}

impl State {
    fn subscription(&mut self, subject: Subject, change: Change) {
        match (self.is_open, change) {
            (false, change) => self.change(subject, change),
            (true, Change::Subscribe) => self.queue.push_back(Entry::Subscribe(subject)),
            (true, Change::Unsubscribe) => self.queue.push_back(Entry::Unsubscribe(subject)),
        }
    }

    /// Records what must become of a subscription. The opposite of what waits cancels it.
    fn change(&mut self, subject: Subject, change: Change) {
        match self.changes.get(&subject) {
            Some(old) if *old != change => {
                self.changes.remove(&subject);
            }
            _ => {
                self.changes.insert(subject, change);
            }
        }
    }

    /// Queues a message. Returns false if it cannot be sent now.
    fn send(&mut self, to: async_nats::Subject, reply: Option<String>, bytes: Vec<u8>) -> bool {
        let cost = cost(&to, &bytes);
        if !self.is_open || self.waiting_bytes + cost > MAX_WAITING_BYTES {
            return false;
        }
        self.waiting_bytes += cost;
        self.queue.push_back(Entry::Send { to, reply, bytes: bytes.into() });
        true
    }
}

fn cost(to: &str, bytes: &[u8]) -> usize {
    to.len() + bytes.len() + MESSAGE_OVERHEAD
}

#[cfg(test)]
mod tests;
