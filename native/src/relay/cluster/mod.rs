//! The bus of a cluster (section 23): NATS.
//!
//! The registry decides; this module has the connection to NATS. [`outbox`] takes the registry's actions in their
//! order, [`writer`] passes them on to the connection, [`reader`] reports what comes back. A relay has one
//! connection: NATS handles what arrives on it in order, so that a subscription is in force before the request
//! that follows it.

mod connection;
mod outbox;
mod reader;
mod requests;
mod servers;
mod status;
mod subjects;
mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use xcher_core::registry::{ClusterConfig as RegistryConfig, RelayId};

use super::bus::Bus;
use super::hub::Hub;
use connection::Connection;
use outbox::Outbox;
pub use servers::{NatsServers, ServersError};
use status::Status;
pub use status::{BusState, ClusterStatus, RequestCounts};
use subjects::Subjects;
pub use subjects::{ClusterName, ClusterNameError};

/// The settings of a relay's cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The NATS servers, of which one is used at a time.
    pub servers: NatsServers,
    /// The cluster's name. Clusters with different names share NATS servers, but no nick.
    pub name: ClusterName,
    /// The private network that the relay's hosts are in, if other relays have hosts in it, too: see
    /// [`xcher_core::registry::ClusterConfig::site`].
    pub site: Option<Box<str>>,
    /// The text of a NATS credentials file: a user's JWT and its key.
    pub credentials: Option<Credentials>,
    /// A PEM file with the CA certificates to trust instead of the system's. It implies TLS.
    pub tls_ca: Option<PathBuf>,
}

/// The text of a NATS credentials file.
#[derive(Clone)]
pub struct Credentials(String);

/// Time for the last messages of a relay that stops to be sent.
const STOP_TIMEOUT: Duration = Duration::from_millis(500);

/// A cluster that a relay belongs to, and the state of its connection.
pub(super) struct Membership {
    cluster: Cluster,
    subjects: Subjects,
    outbox: Arc<Outbox>,
    status: Arc<Status>,
}

impl Credentials {
    /// Takes the text of a credentials file.
    ///
    /// # Errors
    ///
    /// If it contains no JWT or no valid key.
    pub fn parse(text: String) -> io::Result<Self> {
        async_nats::ConnectOptions::new().credentials(&text)?;
        Ok(Self(text))
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

impl Membership {
    /// Creates the relay's side of a cluster, without a connection yet, and the registry's settings for it.
    ///
    /// # Errors
    ///
    /// If the system provides no random bytes.
    pub(super) fn new(cluster: Cluster) -> io::Result<(Self, RegistryConfig)> {
        let mut id = [0; 8];
        getrandom::fill(&mut id).map_err(|error| {
            io::Error::other(format!("the system provides no random bytes: {error}"))
        })?;
        let relay = RelayId(id);
        // A clock before 1970 orders claims as badly as any other wrong one.
        let epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let config = RegistryConfig { relay, epoch, site: cluster.site.clone() };
        let subjects = Subjects::new(&cluster.name, relay);
        let status = Arc::new(Status::new(&cluster));
        let outbox = Arc::new(Outbox::new(subjects.clone(), Arc::clone(&status)));
        Ok((Self { cluster, subjects, outbox, status }, config))
    }

    /// Returns what takes the registry's actions.
    pub(super) fn bus(&self) -> Arc<dyn Bus> {
        Arc::clone(&self.outbox) as _
    }

    /// Returns what is known of the cluster.
    pub(super) fn status(&self, hub: &Arc<Hub>) -> ClusterStatus {
        ClusterStatus::new(Arc::clone(&self.status), Arc::downgrade(hub))
    }

    /// Connects, and serves the registry until the tasks are dropped.
    ///
    /// # Errors
    ///
    /// If a setting is not one that a connection can have.
    pub(super) async fn start(&self, hub: Arc<Hub>) -> io::Result<Tasks> {
        let connection = Connection::open(&self.cluster, Arc::clone(&self.status)).await?;
        let (found, subscribed) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        let (client, outbox) = (connection.client.clone(), Arc::clone(&self.outbox));
        let inbox = self.subjects.inbox_of_all();
        tasks.spawn(writer::run(client, outbox, inbox, found));
        let (outbox, subjects) = (Arc::clone(&self.outbox), self.subjects.clone());
        let status = Arc::clone(&self.status);
        tasks.spawn(reader::run(connection, hub, outbox, subjects, status, subscribed));
        Ok(Tasks { outbox: Arc::clone(&self.outbox), _tasks: tasks })
    }
}

/// The tasks of a connection, which end when this is dropped.
pub(super) struct Tasks {
    outbox: Arc<Outbox>,
    _tasks: JoinSet<()>,
}

impl Tasks {
    /// Waits until what the registry has sent so far was written to NATS, if that is possible soon.
    pub(super) async fn flush(self) {
        let _ = timeout(STOP_TIMEOUT, self.outbox.flushed()).await;
    }
}
