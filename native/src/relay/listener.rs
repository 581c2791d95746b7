//! Where hosts connect to a relay, and what comes before their first packet: the PROXY header of a proxy, and TLS.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::either::Either;
use tracing::{Instrument, debug, info_span};
use xcher_core::registry::ConnId;

use super::hub::{CloseGuard, Hub};
use super::{Shared, stream_connection, tcp_connection};
use crate::http::newcomers::Newcomer;
use crate::http::{Served, Tls};
use crate::net::accept::Accept;
#[cfg(unix)]
use crate::net::listener::NO_ADDRESS;
use crate::net::listener::{Accepted, Listener};
use crate::net::proxy_header;

/// The most connections at a time that have not completed what comes before their first packet.
pub(super) const MAX_NEWCOMERS: usize = 1024;
/// The same, for one client.
pub(super) const MAX_NEWCOMERS_PER_ADDRESS: usize = 64;

/// A port or socket at which hosts connect to a relay.
pub struct RelayListener {
    listener: Listener,
    tls: Option<Tls>,
}

impl RelayListener {
    /// Returns a TCP port at which hosts connect over TLS. A Unix socket, which a proxy uses, has no TLS.
    pub fn over_tls(listener: impl Into<Listener>, tls: Tls) -> Self {
        Self { listener: listener.into(), tls: Some(tls) }
    }
}

impl From<TcpListener> for RelayListener {
    fn from(listener: TcpListener) -> Self {
        Listener::from(listener).into()
    }
}

impl From<Listener> for RelayListener {
    fn from(listener: Listener) -> Self {
        Self { listener, tls: None }
    }
}

impl fmt::Debug for RelayListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = self.tls.is_some();
        f.debug_struct("RelayListener")
            .field("listener", &self.listener)
            .field("tls", &tls)
            .finish()
    }
}

/// A connection before anything was read of it.
pub(crate) struct Arrival {
    incoming: Accepted,
    tls: Option<Tls>,
}

impl Accept for RelayListener {
    type Connection = Arrival;

    async fn accept(&self) -> io::Result<Arrival> {
        let incoming = self.listener.accept().await?;
        Ok(Arrival { incoming, tls: self.tls.clone() })
    }

    fn accept_waiting(&self) -> io::Result<Option<Arrival>> {
        let incoming = self.listener.accept_waiting()?;
        Ok(incoming.map(|incoming| Arrival { incoming, tls: self.tls.clone() }))
    }
}

impl Shared {
    /// Serves one connection to its end.
    pub(super) fn serve(self: &Arc<Self>, arrival: Arrival, number: u64) {
        let is_proxied = self.proxies.load().applies_to(arrival.incoming.from());
        let hub = Arc::clone(&self.hub);
        match arrival {
            Arrival { incoming: Accepted::Tcp(socket, from), tls: None } if !is_proxied => {
                let serve = tcp_connection::serve(hub, number, socket, from);
                self.tasks().spawn(serve.instrument(span(number, from)));
            }
            arrival => {
                // A proxy has many clients.
                let client = arrival.incoming.from().filter(|_| !is_proxied);
                let Some(newcomer) = self.newcomers.admit(client.map(|client| client.ip())) else {
                    return debug!(?client, "too many connections of one address: closed");
                };
                let shared = Arc::clone(self);
                self.tasks().spawn(async move {
                    let introduce = shared.introduce(arrival, newcomer, is_proxied);
                    let introduced = shared.stopping.run_until_cancelled(introduce).await;
                    drop(shared);
                    match introduced {
                        Some(Ok((stream, from))) => serve(hub, number, stream, from).await,
                        Some(Err(error)) => debug!(%error, "closed before its first packet"),
                        None => {}
                    }
                });
            }
        }
        // Otherwise nobody waits for the end of the task.
        self.hub.wake();
    }

    /// Reads what comes before a connection's first packet. Returns its stream and its client's address.
    async fn introduce(
        &self,
        arrival: Arrival,
        newcomer: Newcomer,
        is_proxied: bool,
    ) -> io::Result<(Introduced, SocketAddr)> {
        let (mut newcomer, Arrival { incoming, tls }) = (newcomer, arrival);
        let (mut stream, own): (Introduced, _) = match incoming {
            Accepted::Tcp(socket, from) => (Either::Left(socket), from),
            #[cfg(unix)]
            Accepted::Unix(socket) => (Either::Right(Box::new(socket)), NO_ADDRESS),
        };
        let mut from = own;
        if is_proxied
            && let Some(client) = newcomer.unless_evicted(proxy_header::read(&mut stream)).await?
        {
            from = client;
            newcomer = self.newcomers.admit(Some(client.ip())).ok_or_else(|| {
                io::Error::other(format!("too many connections of {}", client.ip()))
            })?;
        }
        match (stream, tls) {
            (Either::Left(socket), Some(tls)) => {
                // Fails only on a connection that has ended.
                let _ = socket.set_nodelay(true);
                let handshake = tls.accept(socket, Some(from.ip()), Served::Relay);
                let stream = newcomer.unless_evicted(handshake).await?;
                let stream = stream.ok_or_else(|| io::Error::other("no host's connection"))?;
                Ok((Either::Right(Box::new(stream)), from))
            }
            (stream, _) => Ok((stream, from)),
        }
    }
}

/// A connection whose next byte is a packet's.
type Introduced = Either<TcpStream, Box<dyn Stream>>;

/// Anything but a TCP connection.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

async fn serve(hub: Arc<Hub>, number: u64, stream: Introduced, from: SocketAddr) {
    let span = span(number, from);
    match stream {
        Either::Left(socket) => {
            tcp_connection::serve(hub, number, socket, from).instrument(span).await;
        }
        Either::Right(stream) => {
            let conn = ConnId(number);
            let connection = stream_connection::Connection::new(conn, from, Box::new(|_| {}));
            let connection = Arc::new(connection);
            hub.connect(Arc::clone(&connection) as _, from);
            let _guard = CloseGuard { hub: Arc::clone(&hub), conn };
            stream_connection::serve(hub, connection, stream).instrument(span).await;
        }
    }
}

fn span(number: u64, from: SocketAddr) -> tracing::Span {
    info_span!("connection", id = number, address = %from)
}
