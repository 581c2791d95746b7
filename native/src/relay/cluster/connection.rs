//! The connection to NATS, which async-nats opens again whenever it is lost.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, Event, Server};
use tokio::sync::Notify;
use tracing::warn;
use xcher_core::Quoted;

use super::servers::Login;
use super::status::Status;
use super::{Cluster, Credentials};

/// Time without a byte from NATS after which a ping is sent. The connection is lost when two had no answer.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// The most commands that wait in the client. They outlast a connection and are sent late, so there are few; others
/// wait in the outbox.
const CLIENT_CAPACITY: usize = 256;
/// The most messages of one subscription that wait for this relay to read them; more are dropped.
const SUBSCRIPTION_CAPACITY: usize = 16_384;
/// The most kinds of errors of servers that are logged.
const MAX_LOGGED: usize = 16;
/// The longest time between two attempts to connect.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(2);

/// A client of NATS, and what it reports about its connection.
pub(super) struct Connection {
    pub(super) client: Client,
    signals: Arc<Signals>,
}

/// What the client's callbacks leave for the reader.
#[derive(Default)]
struct Signals {
    changed: Notify,
    /// The fault of the last attempt to connect.
    fault: Mutex<Option<Fault>>,
    /// Set once a server has announced that it will stop.
    is_lame_duck: AtomicBool,
    /// The errors of servers that were logged, without what they are about.
    logged: Mutex<BTreeSet<String>>,
}

/// Why an attempt to connect failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) why: String,
    pub(super) is_refused: bool,
}

impl Connection {
    /// Starts to connect, and does not wait for it: a relay serves its own clients without NATS.
    ///
    /// # Errors
    ///
    /// If a setting is not one that a connection can have.
    pub(super) async fn open(cluster: &Cluster, status: Arc<Status>) -> io::Result<Self> {
        let signals = Arc::new(Signals::default());
        let options = login(ConnectOptions::new(), cluster)?
            .name("xcher relay")
            .no_echo()
            .retry_on_initial_connect()
            .ping_interval(PING_INTERVAL)
            .client_capacity(CLIENT_CAPACITY)
            .subscription_capacity(SUBSCRIPTION_CAPACITY)
            .require_tls(cluster.servers.require_tls() || cluster.tls_ca.is_some())
            .reconnect_delay_callback(reconnect_delay);
        let options = match &cluster.tls_ca {
            Some(file) => options.add_root_certificates(file.clone()),
            None => options,
        };
        let to = Arc::clone(&signals);
        let options = options.event_callback(move |event| {
            to.event(&event, &status);
            std::future::ready(())
        });
        let to = Arc::clone(&signals);
        // The only way to learn why an attempt has failed; the client chooses the next server itself.
        let options = options.reconnect_to_server_callback(move |servers, _| {
            to.attempts(&servers);
            std::future::ready(None)
        });
        let client = options.connect(cluster.servers.addresses.as_slice()).await;
        Ok(Self { client: client.map_err(io::Error::other)?, signals })
    }

    /// Waits until something about the connection may have changed.
    pub(super) async fn changed(&self) {
        self.signals.changed.notified().await;
    }

    /// Returns how often it was connected.
    pub(super) fn connects(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Acquire)
    }

    pub(super) fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Returns why the last attempt to connect failed.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.signals.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn login(options: ConnectOptions, cluster: &Cluster) -> io::Result<ConnectOptions> {
    let options = match &cluster.servers.login {
        Login::None => options,
        Login::Token(token) => options.token(token.clone()),
        Login::User { name, password } => options.user_and_password(name.clone(), password.clone()),
    };
    match &cluster.credentials {
        Some(Credentials(text)) => options.credentials(text),
        None => Ok(options),
    }
}

/// Doubles with each attempt, and differs between relays, so that they do not all come at once.
fn reconnect_delay(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    let delay = Duration::from_millis(4).saturating_mul(1 << doublings).min(MAX_RECONNECT_DELAY);
    delay.mul_f64(0.5 + fastrand::f64() / 2.0)
}

impl Signals {
    fn event(&self, event: &Event, status: &Status) {
        match event {
            Event::SlowConsumer(_) => return Status::count(&status.dropped),
            // The client finds another server when this one closes the connection.
            Event::LameDuckMode if !self.is_lame_duck.swap(true, Ordering::Relaxed) => {
                warn!("the NATS server will stop; the connection will move to another");
            }
            Event::Connected => self.is_lame_duck.store(false, Ordering::Relaxed),
            Event::ServerError(error) => self.log_once(&error.to_string()),
            _ => {}
        }
        self.changed.notify_one();
    }

    /// Logs an error of a server. A permission that is missing would be one error for each nick.
    fn log_once(&self, error: &str) {
        let kind = error.split(['"', '\'']).next().unwrap_or_default();
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.len() < MAX_LOGGED && logged.insert(kind.to_owned()) {
            warn!("NATS reports: {}; like errors are not shown again", Quoted(error));
        }
    }

    fn attempts(&self, servers: &[Server]) {
        let named: Vec<_> =
            servers.iter().filter_map(|server| server.last_error.as_deref()).collect();
        let is_refused =
            |why: &&&str| why.contains("authorization") || why.contains("authentication");
        // A refusal needs the operator; that a server is down may pass.
        let worst = named.iter().find(is_refused).or(named.first());
        let fault = worst.map(|why| Fault { why: (*why).to_owned(), is_refused: is_refused(&why) });
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        self.changed.notify_one();
    }
}
