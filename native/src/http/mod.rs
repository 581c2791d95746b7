//! The bridge's HTTP front: the page, and the WebSocket through which a browser, or a host behind
//! NAT, is a peer (section 10.1).
//!
//! What runs over a tunnel is not known here: each becomes a [`WsBytes`] and is given to whoever
//! called [`run`].

mod access;
mod certificate;
mod client;
mod connection_limit;
mod frames;
mod guesses;
mod host_name;
mod newcomers;
mod origin;
mod page;
mod routes;
mod subprotocol;
mod tls;
mod token;
mod upgrade;
mod ws_bytes;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, debug, error, info, info_span, warn};

use crate::net::accept::Acceptor;
use access::Rules;
use connection_limit::Places;
use guesses::Guesses;
use newcomers::Newcomers;

pub use access::Access;
pub use host_name::host_name;
pub use origin::origin;
pub use tls::Tls;
pub use ws_bytes::WsBytes;

/// Who may open tunnels, and how many.
#[derive(Clone)]
pub struct HttpConfig {
    /// Who may open them.
    pub access: Access,
    /// Tunnels at a time in all.
    pub max_tunnels: usize,
    /// Tunnels at a time of one IPv4 address or one IPv6 /64.
    pub max_tunnels_per_address: usize,
    /// Spoken at the port, if it is.
    pub tls: Option<Tls>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            access: Access::default(),
            max_tunnels: 10_000,
            max_tunnels_per_address: 64,
            tls: None,
        }
    }
}

/// The longest that a request's head may take, and a connection be kept without a request.
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// The longest that a connection may last that does not become a tunnel, so that no slow reader
/// holds one for ever.
const CONNECTION_WITHIN: Duration = Duration::from_secs(120);
/// The most of a request's head that is read: ours are under 1 KiB, a proxy may add as much.
const HEAD_BYTES: usize = 16 * 1024;
/// Connections at a time that are no tunnels yet.
const CONNECTIONS: usize = 1024;
/// The same, of one client: a browser opens six.
const CONNECTIONS_PER_ADDRESS: usize = 128;
/// How long connections and tunnels have to end by themselves when the front stops.
const STOP: Duration = Duration::from_millis(700);
/// How long those that did not have to be cut.
const CUT: Duration = Duration::from_millis(200);

/// A front. Clones are the same front.
#[derive(Clone)]
pub struct Http(Arc<Front>);

/// Serves HTTP at `listener`, as [`Http::run`] of a new front does.
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
    /// A front that serves nobody yet.
    ///
    /// `tunnel` is given each tunnel's bytes and its client's real address (port 0 where a trusted
    /// proxy did not tell); the tunnel lasts until the future ends.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an allowed origin or a host name that is none.
    pub fn new<F, Fut>(config: HttpConfig, tunnel: F) -> io::Result<Self>
    where
        F: Fn(WsBytes, SocketAddr) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Front::new(config, tunnel).map(|front| Self(Arc::new(front)))
    }

    /// Applies this to tunnels opened from now on; those that are open go on.
    ///
    /// # Errors
    ///
    /// Those of [`Http::new`]. Everything stays as it was.
    pub fn set_access(&self, access: &Access) -> io::Result<()> {
        self.0.rules.store(Arc::new(Rules::new(access)?));
        Ok(())
    }

    /// Serves HTTP until `shutdown` is done; then closes all tunnels and returns within a second.
    /// Dropped, it closes all at once. A front runs once.
    ///
    /// # Errors
    ///
    /// If `listener` is none. A connection that could not be accepted, for want of file descriptors
    /// for example, is logged and tried again.
    pub async fn run(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        if let Some(how) = lacks_page() {
            info!("{how}");
        }
        let front = &self.0;
        let router = routes::router(Arc::clone(front));
        let newcomers = Newcomers::new(CONNECTIONS, CONNECTIONS_PER_ADDRESS);
        let _cut = front.cut.clone().drop_guard();
        let mut shutdown = pin!(shutdown);
        let mut connections = JoinSet::new();
        let mut acceptor = Acceptor::new(listener);
        loop {
            tokio::select! {
                accepted = acceptor.accept() => {
                    let (socket, from) = accepted?;
                    let client = (!front.is_proxy(from.ip())).then_some(from.ip());
                    let Some(newcomer) = newcomers.admit(client) else {
                        debug!(%from, "too many connections: closed");
                        continue;
                    };
                    let (front, router) = (Arc::clone(front), router.clone());
                    let served = async move {
                        tokio::select! {
                            () = front.connected(socket, from, client, router) => {}
                            () = newcomer.gives_way.cancelled() => debug!("gave way to another"),
                        }
                    };
                    connections.spawn(served.instrument(info_span!("http", %from)));
                }
                Some(ended) = connections.join_next() => {
                    if let Err(error) = ended {
                        error!(%error, "a connection's task broke");
                    }
                }
                () = &mut shutdown => break,
            }
        }
        drop(acceptor);
        front.closing.cancel();
        front.tunnels.close();
        let all = async {
            while connections.join_next().await.is_some() {}
            front.tunnels.wait().await;
        };
        if timeout(STOP, all).await.is_err() {
            warn!(tunnels = front.tunnels.len(), connections = connections.len(), "cut");
            connections.abort_all();
            front.cut.cancel();
            let _ = timeout(CUT, front.tunnels.wait()).await;
        }
        Ok(())
    }
}

/// What is to be said where this binary was built without its page.
pub fn lacks_page() -> Option<&'static str> {
    page::IS_MISSING.then_some(page::HOW_TO_BUILD)
}

/// What the routes share.
struct Front {
    /// Who may open tunnels; swapped as a whole.
    rules: ArcSwap<Rules>,
    guesses: Guesses,
    tls: Option<Tls>,
    places: Arc<Places>,
    tunnel: Box<Tunnel>,
    /// The tunnels that live.
    tunnels: TaskTracker,
    /// Tells the tunnels to end.
    closing: CancellationToken,
    /// Ends the tunnels that did not.
    cut: CancellationToken,
}

type Tunnel = dyn Fn(WsBytes, SocketAddr) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// The socket's other end and the address of this one, as a request brings them to its route.
#[derive(Clone, Copy)]
struct Ends {
    socket: SocketAddr,
    reached_at: IpAddr,
}

impl Front {
    fn new<F, Fut>(config: HttpConfig, tunnel: F) -> io::Result<Self>
    where
        F: Fn(WsBytes, SocketAddr) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Ok(Self {
            rules: ArcSwap::from_pointee(Rules::new(&config.access)?),
            guesses: Guesses::default(),
            tls: config.tls,
            places: Places::new(config.max_tunnels, config.max_tunnels_per_address),
            tunnel: Box::new(move |bytes, from| Box::pin(tunnel(bytes, from))),
            tunnels: TaskTracker::new(),
            closing: CancellationToken::new(),
            cut: CancellationToken::new(),
        })
    }

    fn is_proxy(&self, ip: IpAddr) -> bool {
        client::is_proxy(ip, &self.rules.load().trusted_proxies)
    }

    /// Serves one connection to its end, or until it is a tunnel. `client` is none for a proxy.
    async fn connected(
        &self,
        socket: TcpStream,
        from: SocketAddr,
        client: Option<IpAddr>,
        router: Router,
    ) {
        // A tunnel carries small packets that someone waits for. Without it, they only wait longer.
        let _ = socket.set_nodelay(true);
        let Ok(reached_at) = socket.local_addr().map(|at| at.ip().to_canonical()) else { return };
        let (ends, closing) = (Ends { socket: from, reached_at }, &self.closing);
        let Some(tls) = &self.tls else { return serve(socket, ends, router, closing).await };
        match closing.run_until_cancelled(tls.accept(socket, client)).await {
            Some(Ok(socket)) => serve(socket, ends, router, closing).await,
            Some(Err(error)) => debug!(%error, "no TLS"),
            None => {}
        }
    }
}

async fn serve(
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ends: Ends,
    router: Router,
    closing: &CancellationToken,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ends);
        router.call(request)
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(socket), service)
            .with_upgrades()
    );
    let ended = tokio::select! {
        ended = timeout(CONNECTION_WITHIN, connection.as_mut()) => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            timeout(STOP, connection).await
        }
    };
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a connection ended"),
        Err(_) => debug!("a connection took too long: closed"),
    }
}
