//! Reports to the registry what comes from NATS.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message, StatusCode};
use futures_util::stream::SelectAll;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::coop::unconstrained;
use tokio::time::{MissedTickBehavior, interval};
use tracing::error;
use xcher_core::registry::{Answer, Input};

use super::connection::Connection;
use super::outbox::Outbox;
use super::status::{BusState, Status};
use super::subjects::Subjects;
use super::writer::Subscription;
use crate::relay::hub::Hub;

/// The longest message of another relay (section 23); longer ones are dropped.
const MAX_MESSAGE_LEN: usize = 16 << 10;
/// Time between two looks at deadlines and at the connection.
const TICK: Duration = Duration::from_millis(100);
/// The most messages that are handled before requests expire.
const MAX_BURST: usize = 4096;
/// The most messages that are handled in one turn.
const MAX_BATCH: usize = 64;

/// Runs as long as the writer does. It never waits for a client of the relay, so NATS is always read.
pub(super) async fn run(
    connection: Connection,
    hub: Arc<Hub>,
    outbox: Arc<Outbox>,
    subjects: Subjects,
    status: Arc<Status>,
    mut subscribed: UnboundedReceiver<Subscription>,
) {
    let mut reader =
        Reader { connection, hub, outbox, subjects, status, connects: 0, is_open: false };
    let mut messages = SelectAll::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            // Messages last: there may be some at any time.
            biased;
            () = reader.connection.changed() => {}
            now = ticks.tick() => {
                // A relay that is slow must not take its own delay for another's: what has come counts.
                for _ in 0..MAX_BURST {
                    let Some(Some(message)) = unconstrained(messages.next()).now_or_never() else {
                        break;
                    };
                    reader.receive(&message);
                }
                reader.outbox.expire(now);
            }
            () = reader.outbox.request_failed() => {}
            new = subscribed.recv() => match new {
                Some(new) => {
                    messages.push(new);
                    continue;
                }
                None => return,
            },
            Some(message) = messages.next() => {
                reader.receive(&message);
                // Most come in bursts, and another look at all the rest would cost as much as a message.
                for _ in 1..MAX_BATCH {
                    let Some(Some(message)) = messages.next().now_or_never() else { break };
                    reader.receive(&message);
                }
                continue;
            }
        }
        reader.follow_connection();
        for request in reader.outbox.take_failed() {
            Status::count(&reader.status.failed);
            reader.report(Input::Answered { request, answer: Answer::Failed });
        }
    }
}

struct Reader {
    connection: Connection,
    hub: Arc<Hub>,
    outbox: Arc<Outbox>,
    subjects: Subjects,
    status: Arc<Status>,
    /// How often the connection was open when the registry last heard of it.
    connects: u64,
    is_open: bool,
}

impl Reader {
    /// Reports whether NATS is reachable. A connection that was lost and is open again was lost.
    fn follow_connection(&mut self) {
        let (connects, is_connected) = (self.connection.connects(), self.connection.is_connected());
        if self.is_open && (!is_connected || connects != self.connects) {
            self.is_open = false;
            self.outbox.close();
            Status::count(&self.status.losses);
            self.report(Input::BusLost);
        }
        if !self.is_open && is_connected && connects != self.connects {
            (self.is_open, self.connects) = (true, connects);
            self.outbox.open();
            self.status.set(BusState::Connected);
            self.report(Input::BusConnected);
        }
        let fault = self.connection.fault();
        if !self.is_open && (connects > 0 || fault.is_some()) {
            let (why, is_refused) = fault.map(|fault| (fault.why, fault.is_refused)).unzip();
            let is_refused = is_refused.unwrap_or_default();
            self.status.set(BusState::Lost { why, is_refused });
        }
    }

    fn receive(&self, message: &Message) {
        let bytes = &*message.payload;
        let is_too_long = bytes.len() > MAX_MESSAGE_LEN;
        if let Some(request) = self.subjects.answered(&message.subject) {
            if !self.outbox.answered(request) {
                return Status::count(&self.status.dropped);
            }
            let (answer, counter) = match message.status {
                Some(StatusCode::NO_RESPONDERS) => (Answer::Nobody, &self.status.nobody),
                _ if is_too_long => (Answer::Failed, &self.status.failed),
                _ => (Answer::Reply(bytes), &self.status.answered),
            };
            Status::count(counter);
            return self.report(Input::Answered { request, answer });
        }
        if is_too_long {
            return Status::count(&self.status.dropped);
        }
        match &message.reply {
            None => self.report(Input::Published { bytes }),
            Some(reply) if self.subjects.is_inbox(reply) => {
                let reply = self.outbox.requested(reply.clone());
                self.report(Input::Requested { reply, bytes });
            }
            // No relay asks for an answer elsewhere.
            Some(_) => Status::count(&self.status.dropped),
        }
    }

    /// A panic over one message must not cut the relay off from its cluster.
    fn report(&self, input: Input<'_>) {
        if catch_unwind(AssertUnwindSafe(|| self.hub.handle(input))).is_err() {
            error!("handling a message of the cluster panicked");
        }
    }
}
