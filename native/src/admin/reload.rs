//! Has a server read its options and files again, as SIGHUP does.

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

/// What a reload has done, a line each.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Reloaded {
    /// What is in force now, and what needs a restart.
    pub(crate) notes: Vec<String>,
    /// What is wrong, and what stays in force instead.
    pub(crate) errors: Vec<String>,
}

/// Asks for reloads.
#[derive(Clone, Debug)]
pub(crate) struct ReloadRequests(mpsc::Sender<oneshot::Sender<Reloaded>>);

/// Operators who wait for a reload, in their order.
pub(crate) type AwaitedReloads = mpsc::Receiver<oneshot::Sender<Reloaded>>;

/// Returns both ends of a queue of reloads.
pub(crate) fn reloads() -> (ReloadRequests, AwaitedReloads) {
    let (requests, awaited) = mpsc::channel(1);
    (ReloadRequests(requests), awaited)
}

impl ReloadRequests {
    /// Waits for those before, and for the result; none if the server is about to end.
    pub(super) async fn reload(&self) -> Option<Reloaded> {
        let (answer, reloaded) = oneshot::channel();
        self.0.send(answer).await.ok()?;
        reloaded.await.ok()
    }
}
