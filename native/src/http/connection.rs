//! One connection, from its first byte to its end, or until it is a tunnel.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::either::Either;
use tracing::debug;

use super::counts::TunnelOutcome;
use super::newcomers::{Newcomer, Newcomers};
use super::tls::Served;
use super::{Front, STOP_TIMEOUT, client};
use crate::net::listener::{Accepted, NO_ADDRESS, UnixSocket};
use crate::net::proxy_header;

/// Time for a request's head, and for a connection to stay open without a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Time for a connection that does not become a tunnel, so that a slow reader cannot hold one forever.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(120);
/// The longest head of a request: the page's are under 1 KiB, and a proxy may add as much.
const MAX_HEAD_LEN: usize = 16 * 1024;

/// The two ends of a request's connection, for its route.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    /// The remote address: the socket's, or what a proxy told in a PROXY header.
    pub(super) from: SocketAddr,
    /// True for a Unix socket, to which only proxies connect.
    pub(super) is_unix: bool,
    /// The local address that the client reached.
    pub(super) reached_at: IpAddr,
}

/// A connection of which nothing was read.
pub(super) struct Arrival {
    incoming: Accepted,
    pub(super) from: SocketAddr,
    /// True if it comes from a trusted proxy.
    pub(super) is_proxy: bool,
    /// True if it begins with a PROXY header.
    has_header: bool,
}

impl Arrival {
    pub(super) fn new(incoming: Accepted, front: &Front) -> Self {
        let from = incoming.from();
        let rules = front.rules.load();
        let is_proxy = from.is_none_or(|from| client::is_proxy(from.ip(), &rules.trusted_proxies));
        let has_header = rules.proxy_protocol && is_proxy;
        Self { incoming, from: from.unwrap_or(NO_ADDRESS), is_proxy, has_header }
    }
}

impl Front {
    /// Serves one connection until it ends, becomes a tunnel, or must close for another.
    pub(super) async fn serve_connection(
        &self,
        arrival: Arrival,
        newcomer: Newcomer,
        newcomers: Arc<Newcomers>,
        router: Router,
    ) {
        let Arrival { incoming, from, mut is_proxy, has_header } = arrival;
        let is_unix = incoming.from().is_none();
        let (mut newcomer, mut ends) = (newcomer, Ends { from, is_unix, reached_at: from.ip() });
        let (mut socket, tls): (Either<TcpStream, UnixSocket>, _) = match incoming {
            Accepted::Tcp(socket, _) => {
                // A tunnel carries small packets that peers wait for. If this fails, they only wait longer.
                let _ = socket.set_nodelay(true);
                let Ok(reached_at) = socket.local_addr() else { return };
                ends.reached_at = reached_at.ip().to_canonical();
                (Either::Left(socket), self.tls.as_ref())
            }
            #[cfg(unix)]
            Accepted::Unix(socket) => (Either::Right(socket), None),
        };
        if has_header {
            match self.until_closing(&newcomer, proxy_header::read(&mut socket)).await {
                Some(Ok(Some(client))) => {
                    is_proxy = client::is_proxy(client.ip(), &self.rules.load().trusted_proxies);
                    (ends.from, ends.is_unix) = (client, false);
                    let counted = (!is_proxy).then_some(client.ip());
                    let Some(admitted) = newcomers.admit(counted) else {
                        let reason = "too many connections: closed";
                        let outcome = TunnelOutcome::TooManyConnections;
                        return self.counts.refuse(client.ip(), outcome, reason);
                    };
                    newcomer = admitted;
                }
                // The proxy speaks for itself.
                Some(Ok(None)) => {}
                Some(Err(error)) => {
                    let (outcome, error) = (TunnelOutcome::Proxy, error.to_string());
                    return self.counts.refuse(from.ip(), outcome, &error);
                }
                None => return,
            }
        }
        let serve = async {
            match (socket, tls) {
                (Either::Left(socket), Some(tls)) => {
                    let client = (!is_proxy).then_some(ends.from.ip());
                    let handshake = tls.accept(socket, client, Served::Http);
                    match self.closing.run_until_cancelled(handshake).await {
                        Some(Ok(Some(socket))) => self.serve(socket, ends, router).await,
                        Some(Err(error)) => {
                            self.counts.add(TunnelOutcome::Tls);
                            debug!(%error, "TLS handshake failed");
                        }
                        Some(Ok(None)) | None => {}
                    }
                }
                (Either::Left(socket), None) => self.serve(socket, ends, router).await,
                (socket, _) => self.serve(socket, ends, router).await,
            }
        };
        if newcomer.evicted.run_until_cancelled(serve).await.is_none() {
            debug!("closed for another");
        }
    }

    /// Completes a step of a connection that is not served yet, unless the server stops.
    async fn until_closing<T>(
        &self,
        newcomer: &Newcomer,
        step: impl Future<Output = io::Result<T>>,
    ) -> Option<io::Result<T>> {
        self.closing.run_until_cancelled(newcomer.unless_evicted(step)).await
    }

    /// Serves requests until one becomes a tunnel, or the connection ends. A server that drains or stops answers
    /// the request under way.
    async fn serve(
        &self,
        socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        ends: Ends,
        router: Router,
    ) {
        let router = TowerToHyperService::new(router);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ends);
            router.call(request)
        });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .max_buf_size(MAX_HEAD_LEN)
                .serve_connection(TokioIo::new(socket), service)
                .with_upgrades()
        );
        let ended = tokio::select! {
            ended = timeout(CONNECTION_TIMEOUT, connection.as_mut()) => ended,
            () = self.draining.cancelled() => {
                connection.as_mut().graceful_shutdown();
                let stopped = self.closing.cancelled();
                tokio::select! {
                    ended = timeout(CONNECTION_TIMEOUT, connection.as_mut()) => ended,
                    () = stopped => timeout(STOP_TIMEOUT, connection).await,
                }
            }
            () = self.closing.cancelled() => {
                connection.as_mut().graceful_shutdown();
                timeout(STOP_TIMEOUT, connection).await
            }
        };
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!(%error, "connection failed"),
            Err(_) => debug!("connection took too long: closed"),
        }
    }
}
