//! The bridge's HTTP server: the page, and the WebSocket that carries the tunnel of a browser, or of a host
//! behind NAT (section 10.1).
//!
//! It does not know what a tunnel carries: it passes each one as a [`WsBytes`] to the caller of [`run`].

mod access;
mod account_limit;
mod bans;
mod certificate;
mod client;
mod connection;
mod connection_limit;
mod counts;
mod frames;
pub(crate) mod guesses;
mod host_name;
#[cfg(feature = "acme")]
pub(crate) mod issued_certificate;
pub(crate) mod newcomers;
mod origin;
mod page;
mod page_stun;
mod routes;
mod subprotocol;
mod tls;
mod token;
mod upgrade;
mod ws_bytes;

use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, error, info, info_span, warn};

use xcher_core::registry::{AccessLists, Account};

use crate::hook::Hook;
use crate::net::accept::{Accepting, Acceptors};
pub use crate::net::listener::Listener;
use access::Rules;
use account_limit::AccountLimit;
use bans::HttpBans;
use connection::Arrival;
use connection_limit::ConnectionLimit;
use counts::{Counts, TunnelOutcome};
use guesses::Guesses;
use newcomers::Newcomers;

pub use access::Access;
#[cfg(feature = "cli")]
pub(crate) use counts::TunnelOutcome as RequestOutcome;
pub use host_name::host_name;
#[cfg(feature = "cli")]
pub(crate) use host_name::{needs_no_name_server, requested_host};
pub use origin::origin;
pub(crate) use page_stun::PageStun;
#[cfg(feature = "cli")]
pub(crate) use page_stun::stun_url;
pub(crate) use tls::Served;
pub use tls::Tls;
pub use ws_bytes::WsBytes;

/// The settings of the HTTP server.
#[derive(Clone)]
pub struct HttpConfig {
    /// The clients that may open tunnels.
    pub access: Access,
    /// The most tunnels at a time.
    pub max_tunnels: usize,
    /// The most tunnels at a time of one IPv4 address or one IPv6 /64.
    pub max_tunnels_per_address: usize,
    /// TLS, if TCP ports use it. Unix sockets, which proxies on this machine use, never do.
    pub tls: Option<Tls>,
    /// Refuses tunnels of an account and a client's address, with a reason for people, though the client may have them otherwise.
    pub quota: Option<Arc<Quota>>,
    /// Decides about tunnels.
    pub hook: Option<Hook>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            access: Access::default(),
            max_tunnels: 10_000,
            max_tunnels_per_address: 64,
            tls: None,
            quota: None,
            hook: None,
        }
    }
}

/// The most connections at a time that are not tunnels yet.
const MAX_NEWCOMERS: usize = 1024;
/// The same, for one client: a browser opens six.
const MAX_NEWCOMERS_PER_ADDRESS: usize = 128;
/// Time for connections and tunnels to end when the server stops.
const STOP_TIMEOUT: Duration = Duration::from_millis(700);
/// Time to wait for aborted tunnels.
const ABORT_TIMEOUT: Duration = Duration::from_millis(200);

/// An HTTP server. Clones are the same server.
#[derive(Clone)]
pub struct Http(Arc<Front>);

/// Serves HTTP at `listener`, as [`Http::run`] of a new server does.
///
/// # Errors
///
/// Those of [`Http::new`] and [`Http::run`].
pub async fn run<F, Fut>(
    listener: TcpListener,
    config: HttpConfig,
    tunnel: F,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()>
where
    F: Fn(WsBytes, SocketAddr) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Http::new(config, tunnel)?.run(listener, shutdown).await
}

impl Http {
    /// Creates a server that does not serve yet.
    ///
    /// `tunnel` receives each tunnel's bytes and its client's real address (port 0 if a trusted proxy did not
    /// send one). The tunnel lasts until the future ends.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an invalid origin or host name.
    pub fn new<F, Fut>(config: HttpConfig, tunnel: F) -> io::Result<Self>
    where
        F: Fn(WsBytes, SocketAddr) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Front::new(config, tunnel).map(|front| Self(Arc::new(front)))
    }

    /// Applies these settings to tunnels opened from now on; open ones continue.
    ///
    /// # Errors
    ///
    /// Those of [`Http::new`]. The previous settings stay in force.
    pub fn set_access(&self, access: &Access) -> io::Result<()> {
        self.0.rules.store(Arc::new(Rules::new(access)?));
        Ok(())
    }

    /// Applies the networks of these lists to requests from now on. Open tunnels stay open.
    #[cfg(feature = "cli")]
    pub(crate) fn set_lists(&self, lists: Arc<AccessLists>) {
        self.0.lists.store(lists);
    }

    /// Names these STUN servers to pages that make their first link from now on.
    #[cfg(feature = "cli")]
    pub(crate) fn set_page_stun(&self, page_stun: PageStun) {
        self.0.page_stun.store(Arc::new(page_stun));
    }

    /// Returns true if neither a ban nor the lists keep this address away.
    #[cfg(feature = "cli")]
    pub(crate) fn admits(&self, client: IpAddr) -> bool {
        self.0.refuses(client).is_none()
    }

    /// Completes once the server drains.
    #[cfg(feature = "cli")]
    pub(crate) async fn draining(&self) {
        self.0.draining.cancelled().await;
    }

    /// Returns what became of requests so far, in the order of [`RequestOutcome::ALL`].
    #[cfg(feature = "cli")]
    pub(crate) fn outcomes(&self) -> [u64; TunnelOutcome::ALL.len()] {
        self.0.counts.all()
    }

    /// Returns true while connections are accepted.
    #[cfg(feature = "cli")]
    pub(crate) fn accepts(&self) -> bool {
        self.0.accepting.is_everywhere()
    }

    /// Returns true while there are listeners.
    #[cfg(feature = "cli")]
    pub(crate) fn listens(&self) -> bool {
        self.0.accepting.is_anywhere()
    }

    /// Closes the listeners and refuses tunnels from now on; open ones continue until [`Http::run`] is told to stop.
    pub fn drain(&self) {
        self.0.draining.cancel();
    }

    /// Serves HTTP at one port, as [`Http::run_all`] does at several.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn run(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        self.run_all([listener.into()], shutdown).await
    }

    /// Serves HTTP at these ports and sockets until `shutdown` completes; then closes all tunnels and returns within
    /// a second. Dropping the future closes them at once. A server runs once.
    ///
    /// # Errors
    ///
    /// If a socket is not a listener. A failure to accept, such as a lack of file descriptors, is logged and
    /// retried.
    pub async fn run_all(
        &self,
        listeners: impl IntoIterator<Item = Listener>,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        if let Some(notice) = missing_page_notice() {
            info!("{notice}");
        }
        let front = &self.0;
        let router = routes::router(Arc::clone(front));
        let newcomers = Newcomers::new(MAX_NEWCOMERS, MAX_NEWCOMERS_PER_ADDRESS);
        let _guard = front.abort.clone().drop_guard();
        let mut shutdown = pin!(shutdown);
        let mut connections = JoinSet::new();
        let (mut acceptors, mut accepts) = (Acceptors::new(listeners, &front.accepting), true);
        let serve = |accepted, connections: &mut JoinSet<()>| {
            let arrival = Arrival::new(accepted, front);
            let from = arrival.from;
            let client = (!arrival.is_proxy).then_some(from.ip());
            let Some(newcomer) = newcomers.admit(client) else {
                let reason = "too many connections: closed";
                return front.counts.refuse(from.ip(), TunnelOutcome::TooManyConnections, reason);
            };
            let (front, router) = (Arc::clone(front), router.clone());
            let newcomers = Arc::clone(&newcomers);
            let served = async move {
                front.serve_connection(arrival, newcomer, newcomers, router).await;
            };
            connections.spawn(served.instrument(info_span!("http", %from)));
        };
        loop {
            tokio::select! {
                accepted = acceptors.accept() => serve(accepted?, &mut connections),
                Some(ended) = connections.join_next() => {
                    if let Err(error) = ended {
                        error!(%error, "connection task panicked");
                    }
                }
                () = front.draining.cancelled(), if accepts => {
                    for waited in acceptors.close() {
                        serve(waited, &mut connections);
                    }
                    accepts = false;
                }
                () = &mut shutdown => break,
            }
        }
        drop(acceptors);
        front.closing.cancel();
        front.tunnels.close();
        let all = async {
            while connections.join_next().await.is_some() {}
            front.tunnels.wait().await;
        };
        if timeout(STOP_TIMEOUT, all).await.is_err() {
            let (tunnels, left) = (front.tunnels.len(), connections.len());
            warn!(tunnels, connections = left, "aborting what did not end in time");
            connections.abort_all();
            front.abort.cancel();
            let _ = timeout(ABORT_TIMEOUT, front.tunnels.wait()).await;
        }
        Ok(())
    }
}

/// Returns a notice if this binary was built without its page.
pub fn missing_page_notice() -> Option<&'static str> {
    page::IS_MISSING.then_some(page::HOW_TO_BUILD)
}

/// The state that the routes share.
struct Front {
    /// The clients that may open tunnels.
    rules: ArcSwap<Rules>,
    guesses: Guesses,
    bans: HttpBans,
    /// Networks of clients that may come here.
    lists: ArcSwap<AccessLists>,
    /// What the page tells browsers to use.
    page_stun: ArcSwap<PageStun>,
    hook: Option<Hook>,
    counts: Counts,
    /// Whether the listeners accept connections.
    accepting: Arc<Accepting>,
    tls: Option<Tls>,
    quota: Option<Arc<Quota>>,
    tunnel_limit: Arc<ConnectionLimit>,
    account_limit: Arc<AccountLimit>,
    tunnel: Box<Tunnel>,
    /// The open tunnels.
    tunnels: TaskTracker,
    /// Refuses new tunnels, and ends connections that are none.
    draining: CancellationToken,
    /// Asks the tunnels to end.
    closing: CancellationToken,
    /// Aborts the tunnels that did not end.
    abort: CancellationToken,
}

/// Tells whether a client's quota leaves something to a tunnel.
pub type Quota = dyn Fn(&Account, IpAddr) -> Result<(), String> + Send + Sync;

type Tunnel = dyn Fn(WsBytes, SocketAddr) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

impl Front {
    fn new<F, Fut>(config: HttpConfig, tunnel: F) -> io::Result<Self>
    where
        F: Fn(WsBytes, SocketAddr) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Ok(Self {
            rules: ArcSwap::from_pointee(Rules::new(&config.access)?),
            guesses: Guesses::default(),
            bans: HttpBans::default(),
            lists: ArcSwap::default(),
            page_stun: ArcSwap::default(),
            hook: config.hook,
            counts: Counts::default(),
            accepting: Arc::default(),
            tls: config.tls,
            quota: config.quota,
            account_limit: Arc::default(),
            tunnel_limit: ConnectionLimit::new(config.max_tunnels, config.max_tunnels_per_address),
            tunnel: Box::new(move |bytes, from| Box::pin(tunnel(bytes, from))),
            tunnels: TaskTracker::new(),
            draining: CancellationToken::new(),
            closing: CancellationToken::new(),
            abort: CancellationToken::new(),
        })
    }
}
