//! What is known of a cluster, for logs, health checks and metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::watch;
use xcher_core::registry::ClusterState;

use super::Cluster;
use crate::relay::hub::Hub;

/// The state of a relay's connection to NATS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BusState {
    /// The first attempt to connect has not ended.
    Connecting,
    /// It is connected.
    Connected,
    /// It is not connected, and tries again and again. Clients of this relay do not notice it among themselves.
    Lost {
        /// Why the last attempt failed, if it is known.
        why: Option<String>,
        /// True if a server has refused the user, password, token or credentials.
        is_refused: bool,
    },
}

/// Requests to other relays since the start, by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// Answered by a relay.
    pub answered: u64,
    /// To a subject of which no relay is subscriber.
    pub nobody: u64,
    /// Without an answer in time, or while NATS was not reachable.
    pub failed: u64,
}

/// What is known of a relay's cluster. Clones show the same cluster.
#[derive(Clone)]
pub struct ClusterStatus {
    status: Arc<Status>,
    hub: Weak<Hub>,
    state: watch::Receiver<BusState>,
}

impl ClusterStatus {
    pub(super) fn new(status: Arc<Status>, hub: Weak<Hub>) -> Self {
        let state = status.state.subscribe();
        Self { status, hub, state }
    }

    /// Returns the cluster's name.
    pub fn name(&self) -> &str {
        &self.status.name
    }

    /// Returns the addresses of the NATS servers as they were named, without user and password.
    pub fn servers(&self) -> &str {
        &self.status.servers
    }

    /// Returns the state of the connection to NATS.
    pub fn state(&self) -> BusState {
        self.state.borrow().clone()
    }

    /// Returns what the relay knows of the others; `None` once it is gone.
    pub fn others(&self) -> Option<ClusterState> {
        self.hub.upgrade()?.cluster_state()
    }

    /// Waits until the state has changed since this clone's last call, and returns it. Returns `None` once the
    /// relay is gone.
    pub async fn changed(&mut self) -> Option<BusState> {
        self.state.changed().await.ok()?;
        Some(self.state.borrow_and_update().clone())
    }

    /// Returns the number of requests to other relays.
    pub fn requests(&self) -> RequestCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Status { answered, nobody, failed, .. } = &*self.status;
        RequestCounts { answered: read(answered), nobody: read(nobody), failed: read(failed) }
    }

    /// Returns how often a connection to NATS was lost.
    pub fn losses(&self) -> u64 {
        self.status.losses.load(Ordering::Relaxed)
    }

    /// Returns how many messages were dropped: too long, too late, or faster than this relay could read.
    pub fn dropped(&self) -> u64 {
        self.status.dropped.load(Ordering::Relaxed)
    }
}

/// The counters behind [`ClusterStatus`].
pub(super) struct Status {
    name: String,
    servers: String,
    pub(super) state: watch::Sender<BusState>,
    pub(super) answered: AtomicU64,
    pub(super) nobody: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) losses: AtomicU64,
    pub(super) dropped: AtomicU64,
}

impl Status {
    pub(super) fn new(cluster: &Cluster) -> Self {
        Self {
            name: cluster.name.to_string(),
            servers: cluster.servers.to_string(),
            state: watch::Sender::new(BusState::Connecting),
            answered: AtomicU64::new(0),
            nobody: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            losses: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Sets the state. Does nothing if it is the same.
    pub(super) fn set(&self, state: BusState) {
        self.state.send_if_modified(|old| {
            let differs = *old != state;
            *old = state;
            differs
        });
    }
}
