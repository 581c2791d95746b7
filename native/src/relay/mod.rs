//! The relay on real sockets.
//!
//! [`Registry`] decides; this module has the sockets. Each connection has one task, which reads. The task
//! that read a packet writes its consequences directly to the other socket; that socket's own task
//! continues only when the socket is full.

#[cfg(feature = "cli")]
mod admin;
mod bus;
#[cfg(feature = "cluster")]
mod cluster;
mod counts;
mod hub;
mod listener;
mod log;
mod stream_connection;
mod tcp_connection;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info_span, warn};
use xcher_core::RelayLimits;
use xcher_core::registry::{Account, ConnId, Input, Registry, Report, Users};
use xcher_core::secure::Identity;

use crate::hook::Hook;
use crate::http::newcomers::Newcomers;
use crate::net::accept::{Accepting, Acceptors};
use crate::net::proxy_header::ProxyRule;
#[cfg(feature = "cli")]
pub(crate) use admin::{Host, RelayState};
#[cfg(feature = "cluster")]
pub use cluster::{
    BusState, Cluster, ClusterName, ClusterNameError, ClusterStatus, Credentials, NatsServers,
    RequestCounts, ServersError,
};
use hub::Hub;
pub use listener::RelayListener;
pub use stream_connection::InProcessConnection;

/// The settings of a relay.
#[derive(Debug, Default)]
pub struct RelayConfig {
    /// Its limits.
    pub limits: RelayLimits,
    /// The key that it proves to hosts, by which they recognize it (section 5.6).
    pub identity: Option<Identity>,
    /// The TCP port at which hosts reach it, with which it helps them to punch holes into their NATs (section
    /// 5.8). `None` for a relay that does not see its hosts' own addresses.
    pub port: Option<u16>,
    /// Decides about connections and nicks.
    pub hook: Option<Hook>,
}

/// Time for connections to end when the relay stops.
const STOP_TIMEOUT: Duration = Duration::from_millis(900);

/// A relay, whose clients connect to its listeners or in-process. Clones are the same relay. All
/// connections are closed with the last clone and the end of [`Relay::run`].
#[derive(Clone)]
pub struct Relay(Arc<Shared>);

struct Shared {
    hub: Arc<Hub>,
    #[cfg(feature = "cluster")]
    membership: Option<cluster::Membership>,
    tasks: Mutex<JoinSet<()>>,
    /// The number of the newest connection.
    number: AtomicU64,
    /// Whether the listeners accept connections.
    accepting: Arc<Accepting>,
    /// Connections that have not come to their first packet.
    newcomers: Arc<Newcomers>,
    /// The connections that begin with a PROXY header.
    proxies: ArcSwap<ProxyRule>,
    /// Closes the listeners.
    draining: CancellationToken,
    /// Ends newcomers.
    stopping: CancellationToken,
}

impl Shared {
    fn new(hub: Arc<Hub>) -> Self {
        Self {
            hub,
            #[cfg(feature = "cluster")]
            membership: None,
            tasks: Mutex::default(),
            number: AtomicU64::new(0),
            accepting: Arc::default(),
            newcomers: Newcomers::new(listener::MAX_NEWCOMERS, listener::MAX_NEWCOMERS_PER_ADDRESS),
            proxies: ArcSwap::default(),
            draining: CancellationToken::new(),
            stopping: CancellationToken::new(),
        }
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves all who connect to `listener`, as [`Relay::run`] of a new relay does.
///
/// # Errors
///
/// Those of [`Relay::new`] and [`Relay::run`].
pub async fn run(
    listener: TcpListener,
    config: RelayConfig,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    Relay::new(config)?.run(listener, shutdown).await
}

impl Relay {
    /// Creates a relay without connections. Its timers run only during [`Relay::run`].
    ///
    /// # Errors
    ///
    /// If the system provides no random bytes.
    pub fn new(config: RelayConfig) -> io::Result<Self> {
        let hook = config.hook.clone();
        let hub = Hub::new(registry(config)?, None, hook);
        Ok(Self(Arc::new(Shared::new(hub))))
    }

    /// Creates a relay that shares its nicks with the other relays of a cluster (section 23). It connects to NATS
    /// during [`Relay::run`], and serves its clients whether NATS is reachable or not.
    ///
    /// # Errors
    ///
    /// If the system provides no random bytes.
    #[cfg(feature = "cluster")]
    pub fn in_cluster(config: RelayConfig, cluster: Cluster) -> io::Result<Self> {
        let (membership, cluster) = cluster::Membership::new(cluster)?;
        let hook = config.hook.clone();
        let registry = registry(config)?.with_cluster(cluster);
        let hub = Hub::new(registry, Some(membership.bus()), hook);
        Ok(Self(Arc::new(Shared { membership: Some(membership), ..Shared::new(hub) })))
    }

    /// Returns what is known of the relay's cluster; `None` if it has none.
    #[cfg(feature = "cluster")]
    pub fn cluster(&self) -> Option<ClusterStatus> {
        self.0.membership.as_ref().map(|membership| membership.status(&self.0.hub))
    }

    /// Applies these limits from now on, as [`Registry::set_limits`] does.
    pub fn set_limits(&self, limits: RelayLimits) {
        self.0.hub.set_limits(limits);
    }

    /// Admits these users from now on, as [`Registry::set_users`] does; `None` admits everybody.
    pub fn set_users(&self, users: Option<Arc<Users>>) {
        self.0.hub.operate(|registry, _, actions| registry.set_users(users, actions));
    }

    /// From now on connections from these networks, and those to Unix sockets, must begin with a header of the PROXY
    /// protocol, which tells the client's address; `None`: no connection begins with one, which is the default.
    /// Whoever is in these networks can claim to be any client.
    pub fn set_proxies(&self, networks: Option<Vec<IpNet>>) {
        self.0.proxies.store(Arc::new(ProxyRule { networks }));
    }

    /// Closes the listeners.
    #[cfg(feature = "cli")]
    pub(crate) fn close_listeners(&self) {
        self.0.draining.cancel();
    }

    /// Returns true while there are listeners.
    #[cfg(feature = "cli")]
    pub(crate) fn listens(&self) -> bool {
        self.0.accepting.is_anywhere()
    }

    /// Closes the listeners, and asks the hosts that can to connect anew (section 5.9), wherever its address leads by
    /// then. The relay serves those that stay until [`Relay::run`] is told to stop, which is within this time.
    pub fn drain(&self, within: Duration) {
        self.0.draining.cancel();
        self.0.hub.handle(Input::Drain { within });
    }

    /// Returns true if a relay that drains has nothing to wait for, as [`Registry::is_drained`] does.
    pub fn is_drained(&self) -> bool {
        self.0.hub.is_drained()
    }

    /// Returns the number of connections, in-process ones included.
    pub fn connections(&self) -> usize {
        self.0.hub.connections()
    }

    /// Connects a client in-process, over `stream`. `from` is the address that it counts under and that
    /// its X_INITs may name. A connection above a limit, or to a relay that has stopped, is refused and
    /// closed as one to a listener is.
    ///
    /// `report` receives what the relay vouches for to the bridge that this client belongs to, before
    /// the client receives anything of it. It is called while the relay is locked and must not call
    /// the relay.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime: the connection is a task.
    pub fn connect<S>(
        &self,
        stream: S,
        from: SocketAddr,
        report: impl Fn(Report) + Send + Sync + 'static,
    ) -> InProcessConnection
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        self.connect_as(&Account::Anonymous, stream, from, report)
    }

    /// As [`Relay::connect`], for a client that counts for this account: its token was checked. An anonymous client
    /// may still show one to the relay.
    ///
    /// # Panics
    ///
    /// As there.
    pub fn connect_as<S>(
        &self,
        account: &Account,
        stream: S,
        from: SocketAddr,
        report: impl Fn(Report) + Send + Sync + 'static,
    ) -> InProcessConnection
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Shared { hub, .. } = &*self.0;
        let number = self.next_number();
        let conn = ConnId(number);
        let connection = Arc::new(stream_connection::Connection::new(conn, from, Box::new(report)));
        // Before its task runs, so that it can be allowed an address at once.
        hub.connect(Arc::clone(&connection) as _, from);
        hub.handle(Input::Bridged { conn });
        if *account != Account::Anonymous {
            hub.handle(Input::Admitted { conn, account });
        }
        let span = info_span!("connection", id = number, address = %from);
        let serve = stream_connection::serve(Arc::clone(hub), connection, stream).instrument(span);
        let task = self.tasks().spawn(serve);
        hub.wake();
        InProcessConnection::new(Arc::clone(hub), conn, task)
    }

    /// Serves all who connect to `listener`, as [`Relay::run_all`] does at several.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn run(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        self.run_all([listener.into()], shutdown).await
    }

    /// Serves all who connect to these listeners until `shutdown` completes; then sends X_END to every client,
    /// in-process ones too, and returns within a second. Dropping the future closes all connections at
    /// once. A relay runs once: later connections are refused.
    ///
    /// # Errors
    ///
    /// If a socket is not a listener. A failure to accept, such as a lack of file descriptors, is
    /// logged and retried.
    pub async fn run_all(
        &self,
        listeners: impl IntoIterator<Item = RelayListener>,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let _guard = AbortOnDrop(self);
        let hub = &self.0.hub;
        #[cfg(feature = "cluster")]
        let cluster = match &self.0.membership {
            Some(membership) => Some(membership.start(Arc::clone(hub)).await?),
            None => None,
        };
        let mut shutdown = pin!(shutdown);
        let (mut acceptors, mut accepts) = (Acceptors::new(listeners, &self.0.accepting), true);
        loop {
            let deadline = hub.arm();
            tokio::select! {
                accepted = acceptors.accept() => self.0.serve(accepted?, self.next_number()),
                Some(()) = self.task_ended() => {}
                () = sleep_until_some(deadline) => hub.handle(Input::Tick),
                () = hub.woken() => {}
                () = self.0.draining.cancelled(), if accepts => {
                    for waited in acceptors.close() {
                        self.0.serve(waited, self.next_number());
                    }
                    accepts = false;
                }
                () = &mut shutdown => break,
            }
        }
        drop(acceptors);
        self.0.stopping.cancel();
        hub.handle(Input::Stop);
        // Other relays learn at once that this one's nicks are free.
        #[cfg(feature = "cluster")]
        if let Some(cluster) = cluster {
            cluster.flush().await;
        }
        let all = async { while self.task_ended().await.is_some() {} };
        if timeout(STOP_TIMEOUT, all).await.is_err() {
            warn!(left = self.tasks().len(), "aborting connections that did not end in time");
        }
        Ok(())
    }

    /// Waits until a connection's task has ended; returns `None` if there is no task.
    async fn task_ended(&self) -> Option<()> {
        match poll_fn(|context| self.tasks().poll_join_next(context)).await? {
            Err(error) if !error.is_cancelled() => error!(%error, "connection task panicked"),
            _ => {}
        }
        Some(())
    }

    fn next_number(&self) -> u64 {
        self.0.number.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.tasks()
    }
}

fn registry(config: RelayConfig) -> io::Result<Registry> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| {
        io::Error::other(format!("the system provides no random bytes: {error}"))
    })?;
    let registry = Registry::new(config.limits, seed);
    let registry = match config.identity {
        Some(identity) => registry.with_identity(identity),
        None => registry,
    };
    let registry = match config.hook {
        Some(hook) => registry.with_hook(hook.on_failure()),
        None => registry,
    };
    Ok(match config.port {
        Some(port) => registry.with_port(port),
        None => registry,
    })
}

/// Closes all connections when [`Relay::run`] ends, however it ends: clones of the relay may live on.
struct AbortOnDrop<'a>(&'a Relay);

impl Drop for AbortOnDrop<'_> {
    fn drop(&mut self) {
        self.0.0.hub.disconnect_all();
        self.0.tasks().abort_all();
    }
}

/// Waits until `deadline`, or forever without one.
async fn sleep_until_some(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
