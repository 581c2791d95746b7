//! Passes on what waits in the outbox, in its order.

use std::collections::HashMap;
use std::sync::Arc;

use async_nats::{Client, Subscriber};
use futures_util::stream::{AbortHandle, Abortable};
use tokio::sync::mpsc::UnboundedSender;
use xcher_core::registry::Subject;

use super::outbox::{Entry, Outbox};

/// A subscription, which ends when its handle says so.
pub(super) type Subscription = Abortable<Subscriber>;

/// Runs until the client or the reader is gone. It waits while NATS is not reachable or does not read.
pub(super) async fn run(
    client: Client,
    outbox: Arc<Outbox>,
    inbox: String,
    subscribed: UnboundedSender<Subscription>,
) {
    let mut writer = Writer { client, subscribed, subscriptions: HashMap::new() };
    // Before all else, so that no answer is missed. Nothing ends this subscription.
    if writer.subscribe(inbox).await.is_none() {
        return;
    }
    while let Some(()) = writer.carry_out(outbox.next().await, &outbox).await {}
}

struct Writer {
    client: Client,
    subscribed: UnboundedSender<Subscription>,
    subscriptions: HashMap<Subject, AbortHandle>,
}

impl Writer {
    /// Returns `None` if the client or the reader is gone.
    async fn carry_out(&mut self, entry: Entry, outbox: &Outbox) -> Option<()> {
        match entry {
            Entry::Subscribe(subject) => {
                if !self.subscriptions.contains_key(&subject) {
                    let handle = self.subscribe(outbox.subject(&subject)).await?;
                    self.subscriptions.insert(subject, handle);
                }
            }
            Entry::Unsubscribe(subject) => {
                if let Some(handle) = self.subscriptions.remove(&subject) {
                    handle.abort();
                }
            }
            Entry::Send { to, reply: None, bytes } => sent(self.client.publish(to, bytes).await)?,
            Entry::Send { to, reply: Some(reply), bytes } => {
                sent(self.client.publish_with_reply(to, reply, bytes).await)?;
            }
            Entry::Flush(done) => {
                let _ = self.client.flush().await;
                let _ = done.send(());
            }
        }
        Some(())
    }

    async fn subscribe(&self, subject: String) -> Option<AbortHandle> {
        let subscriber = self.client.subscribe(subject).await.ok()?;
        let (handle, registration) = AbortHandle::new_pair();
        self.subscribed.send(Abortable::new(subscriber, registration)).ok()?;
        Some(handle)
    }
}

/// A message that NATS does not take, because it is configured for shorter ones, is dropped; a request then times
/// out. Returns `None` if the client is gone.
fn sent(result: Result<(), async_nats::PublishError>) -> Option<()> {
    match result {
        Err(error) if error.kind() == async_nats::client::PublishErrorKind::Send => None,
        Err(error) => {
            tracing::warn!(%error, "message not sent to NATS");
            Some(())
        }
        Ok(()) => Some(()),
    }
}
