//! Serves operators' requests.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, error, info};

use super::handover::{Handover, Handovers};
use super::listener::Connection;
use super::{AdminListener, Servers, guard, routes};
use crate::http::newcomers::Newcomers;
use crate::net::log_line;
use crate::net::socket_address::SocketAddress;

/// The most connections at a time; a new one takes the place of the oldest.
const MAX_CONNECTIONS: usize = 64;
/// Time for a request's head, and for a connection to stay open without a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Time for a connection.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(120);
/// Time between two attempts to have the address back that another process got.
const TAKE_BACK_INTERVAL: Duration = Duration::from_secs(1);
/// The longest head of a request.
const MAX_HEAD_LEN: usize = 16 << 10;

/// The listener for operators, and the token that it requires.
pub(crate) struct Admin {
    /// The port or socket.
    pub(crate) listener: AdminListener,
    /// The token that a request must bring.
    pub(crate) token: Option<String>,
    /// True if another process may have the address, as it may have the other ports.
    pub(crate) reuse_port: bool,
}

/// A listener that is served until this is dropped.
pub(crate) struct Running(#[expect(dead_code, reason = "aborted on drop")] AbortOnDropHandle<()>);

/// The client of a request: `None` over a Unix socket.
#[derive(Clone, Copy)]
pub(super) struct Client(pub(super) Option<IpAddr>);

impl Admin {
    /// Serves these servers' operators.
    pub(crate) fn start(self, servers: Servers) -> Running {
        let Self { listener, token, reuse_port } = self;
        let (handover, handovers) = Handover::new();
        let routes = routes::router(Arc::new(servers), handover, reuse_port);
        let router = guard::guarded(routes, token);
        Running(AbortOnDropHandle::new(tokio::spawn(run(listener, handovers, router))))
    }
}

async fn run(listener: AdminListener, mut handovers: Handovers, router: Router) {
    let at = listener.address();
    // None while another process has the address.
    let mut listener = Some(listener);
    let newcomers = Newcomers::new(MAX_CONNECTIONS, usize::MAX);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = accept(&mut listener, &at) => {
                let (socket, from) = match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => return error!(%error, "the listener for operators failed"),
                };
                let Some(newcomer) = newcomers.admit(from) else { continue };
                let router = router.clone();
                connections.spawn(async move {
                    tokio::select! {
                        () = serve(socket, Client(from), router) => {}
                        () = newcomer.evicted.cancelled() => {}
                    }
                });
            }
            Some(_) = connections.join_next() => {}
            Some(released) = handovers.recv() => {
                listener = None;
                info!(target: log_line::OPERATOR, address = %at, "handover");
                // Whoever asked may have gone away.
                let _ = released.send(());
            }
        }
    }
}

/// Accepts the next connection. An address that was given up is taken again once the other process has it no more:
/// it may have failed to start. Cancel safe.
async fn accept(
    listener: &mut Option<AdminListener>,
    at: &SocketAddress,
) -> io::Result<(Box<dyn Connection>, Option<IpAddr>)> {
    let listener = loop {
        if let Some(listener) = listener {
            break listener;
        }
        sleep(TAKE_BACK_INTERVAL).await;
        *listener = AdminListener::bind(at).await.ok();
    };
    listener.accept().await
}

async fn serve(socket: Box<dyn Connection>, client: Client, router: Router) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(client);
        let answer = router.call(request);
        async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
    });
    let connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD_LEN)
            .serve_connection(TokioIo::new(socket), service)
    );
    if let Ok(Err(error)) = timeout(CONNECTION_TIMEOUT, connection).await {
        debug!(%error, "an operator's connection failed");
    }
}
